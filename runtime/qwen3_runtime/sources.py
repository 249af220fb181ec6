"""Where weights can be fetched from. A part of the contract between operator and runtime.

A source never holds a secret: it names the file (of a mounted Secret) that does.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from qwen3_runtime.contract import Contract

Endpoint = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]


class Hub(StrEnum):
    """A service that keeps repositories of models."""

    HUGGING_FACE = "HuggingFace"
    MODEL_SCOPE = "ModelScope"
    MODELERS = "Modelers"


class Checksums(StrEnum):
    """What to do when a bucket says nothing of the content that its files should have."""

    REQUIRED = "Required"
    """Without the manifest ``SHA256SUMS`` nothing is fetched."""
    WHEN_PRESENT = "WhenPresent"
    """Without it, sizes alone are checked, and a log line says so."""


class HubSource(Contract):
    """One revision of a repository on a hub."""

    kind: Literal["Hub"] = "Hub"
    hub: Hub
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    """``owner/name``."""
    revision: str = ""
    """Branch, tag or commit; empty for the hub's main branch. A branch is looked up once, when the fetch begins."""
    endpoint: Endpoint | None = None
    """A mirror that speaks the hub's API; None is the hub itself."""
    token_file: str | None = None
    """Read again at every attempt, so that a changed Secret needs no restart."""
    files: tuple[str, ...] = ()
    """Shell patterns of paths to fetch, e.g. ``*Q4_K_M.gguf``. Empty: everything that an engine can use."""
    offline: bool = False
    """Use what an earlier fetch left in the volume and never the network."""

    def describe(self) -> str:
        """For people: repository, revision, hub."""
        revision = f" ({self.revision})" if self.revision else ""
        return f"{self.repository}{revision} from {self.endpoint or self.hub}"

    def folder_name(self) -> str:
        """Name of the folder that holds this source's files in a volume: the same for every mirror and token."""
        return _folder_name(self.repository, self.hub, self.repository, self.revision, *self.files)


class S3Source(Contract):
    """Every object below a prefix of a bucket that speaks S3."""

    kind: Literal["S3"] = "S3"
    bucket: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    prefix: str = ""
    """Like a folder: ``models/qwen3-8b``. Its objects keep their paths below it."""
    endpoint: Endpoint | None = None
    """None is AWS. Any other is asked with the bucket in the path."""
    region: str = "us-east-1"
    credentials_folder: str | None = None
    """Holds ``access-key-id``, ``secret-access-key`` and, where there is one, ``session-token``. None: anonymous."""
    files: tuple[str, ...] = ()
    offline: bool = False
    checksums: Checksums = Checksums.REQUIRED

    def describe(self) -> str:
        """For people: the URL, and the server where it is not AWS."""
        return f"s3://{self.bucket}/{self.prefix}" + (f" from {self.endpoint}" if self.endpoint else "")

    def folder_name(self) -> str:
        """Name of the folder that holds this source's files in a volume."""
        label = self.prefix.strip("/").rpartition("/")[2] or self.bucket
        return _folder_name(label, "S3", self.endpoint or "", self.bucket, self.prefix.strip("/"), *self.files)


WeightSource = Annotated[HubSource | S3Source, Field(discriminator="kind")]


class FetchProgress(Contract):
    """How far a fetch is. Bytes count as done when they lie on the disk, those of an earlier attempt included."""

    bytes_done: int
    bytes_total: int
    files_done: int
    """Files whose checksum was right."""
    files_total: int
    bytes_per_second: float = 0
    """Over the last seconds; 0 while nothing comes."""
    seconds_left: float | None = None
    """None while nothing comes."""
    retries: int = 0
    """Requests repeated since the process began to fetch: cut, stalled, refused for now, or of wrong content."""


class WeightsOrigin(StrEnum):
    """How a pod came by weights that are fetched."""

    CACHE = "Cache"
    """They lay in the volume, whole: nothing was fetched."""
    OTHER_POD = "OtherPod"
    """Another pod fetched them into the volume while this one waited."""
    SOURCE = "Source"
    """This pod fetched them, or what an earlier attempt had left to fetch."""


def _folder_name(label: str, *identity: str) -> str:
    digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '--', label)[:80]}-{digest}"
