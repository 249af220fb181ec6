"""What PID 1 and the process that fetches say to each other, one JSON object a line."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from qwen3_runtime.config import ModelCache  # noqa: TC001  # pydantic reads it at run time
from qwen3_runtime.contract import Contract
from qwen3_runtime.sources import FetchProgress, WeightsOrigin, WeightSource  # noqa: TC001  # pydantic needs them

Seconds = Annotated[float, Field(gt=0)]


class Pace(Contract):
    """How patient a fetch is. The defaults are for pods; tests are in more of a hurry."""

    parallel_files: Annotated[int, Field(ge=1)] = 4
    """Files in flight. Each worker fetches a file and then computes its checksum while others fetch."""
    stall_seconds: Seconds = 30
    """Without a byte for so long, a connection is given up and the file goes on over a new one."""
    attempts: Annotated[int, Field(ge=1)] = 8
    """Failures in a row, without one new byte between them, before the fetch gives up."""
    backoff_seconds: Seconds = 1
    """Wait after the first failure; doubled for each further one."""
    longest_backoff_seconds: Seconds = 60
    longest_retry_after_seconds: Seconds = 600
    """A server that asks for more is obeyed for so long and then asked again."""
    report_seconds: Seconds = 1
    lock_beat_seconds: Seconds = 3
    lock_stale_seconds: Seconds = 30
    """A lock whose holder has not beaten for so long is taken over. Longer than a network volume hides a write."""


class FetchOrder(Contract):
    """One source and where it is to lie. Secrets are files that the source names."""

    source: WeightSource
    path: str
    """Folder that appears, whole, by one rename. Its parent is the volume."""
    cache: ModelCache | None = None
    """The volume is kept and shared with other pods; None: it is this pod's own."""
    holder: str
    """Name of this pod in the lock, for those who wait for it."""
    incarnation: str
    """Differs between any two processes that could fetch at the same time, and stays for a restarted one."""
    pace: Pace = Pace()

    @property
    def mark(self) -> str:
        """This pod's name among the users of the model: pods of two namespaces may have one name."""
        return f"{self.holder}.{self.incarnation[:8]}"


class FetchState(StrEnum):
    """What the process is at."""

    LISTING = "Listing"
    WAITING = "Waiting"
    """Another process fetches the same model into the same volume."""
    DOWNLOADING = "Downloading"
    RETRYING = "Retrying"
    """The source was asked in vain more than once, for its files or for their bytes, and nothing comes."""
    VERIFYING = "Verifying"
    DONE = "Done"
    FAILED = "Failed"


class FetchEvent(Contract):
    """One line of the process."""

    state: FetchState
    reason: str = ""
    message: str = ""
    origin: WeightsOrigin | None = None
    """Of the last event, when the model is there."""
    progress: FetchProgress | None = None
