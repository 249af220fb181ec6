"""Where the weights of a ``Qwen3Deployment`` come from: ``spec.model.source``, and the same for its adapters."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import override

from qwen3_operator.api.base import ApiModel, Rule, as_atomic

SubdomainName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Endpoint = Annotated[str, Field(max_length=512, pattern=r"^https?://[^\s?#]+$")]
Folder = Annotated[str, Field(max_length=1024, pattern=r"^([^/].*)?$")]
Patterns = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(max_length=16), as_atomic()]
PLACEHOLDERS = ("{model}", "{quantization}", "{repository}")
"""What a path inside a library of weights may hold: filled in for each placement."""


class Checksums(StrEnum):
    """What to do with a bucket that has no SHA256SUMS beside the weights."""

    REQUIRED = "Required"
    WHEN_PRESENT = "WhenPresent"


class Library(ApiModel):
    """Something with a path in which placeholders tell models apart."""

    @property
    def template(self) -> str:
        """The path as it was written."""
        raise NotImplementedError

    @property
    def holds_models(self) -> bool:
        """Whether the path tells models apart."""
        return "{model}" in self.template or "{repository}" in self.template

    @property
    def holds_formats(self) -> bool:
        """Whether the path tells formats of one model apart."""
        return "{quantization}" in self.template or "{repository}" in self.template

    @property
    def needs_repository(self) -> bool:
        """Whether only formats that are published can be meant."""
        return "{repository}" in self.template

    def folder(self, *, model: str, quantization: str, repository: str) -> str:
        """The path with its placeholders filled in."""
        path = self.template
        for placeholder, value in zip(PLACEHOLDERS, (model, quantization, repository), strict=True):
            path = path.replace(placeholder, value)
        return path


def _path_rules(kind: str, required: dict[str, str]) -> tuple[Rule, ...]:
    """Rules for the folder inside a volume; ``required`` are the other fields that a valid source must have."""
    field = f"spec.model.source.{kind}.path (likewise an adapter's)"
    no_claim = {} if kind == "persistentVolumeClaim" else {"persistentVolumeClaim": None}

    def example(path: str) -> dict[str, Any]:
        return {"model": {"source": {**no_claim, kind: {**required, "path": path}}}}

    return (
        Rule(
            "!self.path.split('/').exists(p, p == '..')",
            f"{field} must stay inside the volume: remove '..'",
            good=example("qwen3/8b"),
            bad=example("a/../../b"),
        ),
        Rule(
            "!self.path.replace('{model}', '').replace('{quantization}', '').replace('{repository}', '')"
            ".matches('[{}]')",
            f"{field} knows the placeholders {{model}}, {{quantization}} and {{repository}} only",
            good=example("{model}/{quantization}"),
            bad=example("{name}"),
        ),
    )


class ClaimSource(Library):
    """Weights on a PersistentVolumeClaim of the deployment's namespace. Mounted read-only."""

    claim_name: SubdomainName
    """Name of the PersistentVolumeClaim."""
    path: Folder = ""
    """Folder inside the volume that holds config.json and the weights, or a GGUF file. Empty: the volume's root. In a
    library of several models {model}, {quantization} and {repository} stand for catalog names, e.g.
    {model}-{quantization}."""

    RULES: ClassVar[tuple[Rule, ...]] = _path_rules("persistentVolumeClaim", {"claimName": "weights"})

    @property
    @override
    def template(self) -> str:
        """The folder."""
        return self.path


class ImageSource(Library):
    """Weights in an OCI image, mounted read-only by the kubelet (gate ImageVolume, on since Kubernetes 1.35)."""

    reference: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^\S+$")]
    """The image, e.g. registry.example/models/qwen3-8b:1."""
    path: Folder = ""
    """Folder inside the image that holds config.json and the weights. Empty: its root. Placeholders as for a claim."""

    RULES: ClassVar[tuple[Rule, ...]] = _path_rules("image", {"reference": "registry.example/models:1"})

    @property
    @override
    def template(self) -> str:
        """The folder."""
        return self.path


class TokenSecret(ApiModel):
    """One key of a Secret of the deployment's namespace."""

    name: SubdomainName
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = "token"
    """Key that holds the token."""


class HubSource(Library):
    """A repository on a hub, fetched and verified before the engine starts."""

    repository: Annotated[str, Field(max_length=256, pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    """owner/name. Default: the repository that the catalog knows for the model and the format. An adapter's has no
    default."""
    revision: Annotated[str, Field(max_length=256, pattern=r"^\S*$")] = ""
    """Branch, tag or commit. Empty: the main branch."""
    endpoint: Endpoint | None = None
    """A mirror that speaks the hub's API. Default: the hub itself."""
    token: TokenSecret | None = None
    """Token for private and gated repositories."""
    files: Patterns = ()
    """Shell patterns of the files to fetch. Empty: all that an engine can use; of a GGUF repository the planned
    format; of an adapter its two files."""

    @property
    @override
    def template(self) -> str:
        """A hub is a library unless one repository is named."""
        return "" if self.repository else "{repository}"


class S3Source(Library):
    """Objects in a bucket that speaks S3, fetched and verified before the engine starts."""

    bucket: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[\w.-]+$")]
    """Name of the bucket."""
    prefix: Folder = ""
    """Like a folder. {model}, {quantization} and {repository} stand for catalog names."""
    endpoint: Endpoint | None = None
    """The server. Default: AWS."""
    region: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w-]+$")] = "us-east-1"
    """Region of the signature."""
    credentials_secret: SubdomainName | None = None
    """Secret with access-key-id, secret-access-key and, where there is one, session-token. Default: anonymous."""
    checksums: Checksums = Checksums.REQUIRED
    """Required: SHA256SUMS must lie beside the weights. WhenPresent: without it only sizes are checked."""
    files: Patterns = ()
    """Shell patterns of the objects to fetch, below the prefix. Empty: all that an engine can use; of an adapter its
    two files."""

    @property
    @override
    def template(self) -> str:
        """The prefix."""
        return self.prefix


class ModelCache(ApiModel):
    """The volume that keeps what is fetched."""

    claim_name: SubdomainName
    """PersistentVolumeClaim, writable by every replica: one pod fetches, the others wait, later ones find the copy.
    ReadWriteMany where replicas are on several nodes; over a folder on each node it is one copy per node."""
    size_limit: Annotated[str, Field(max_length=16, pattern=r"^[1-9][0-9]*([MGT]i?)$")] | None = None
    """Most that fetched models and adapters may take in the volume, e.g. 500Gi. For one more, those that no pod uses
    are removed, the least recently used first. Unset: nothing is ever removed."""
    prefetch: bool = False
    """Bring model and image to every node that a pod may come to, and keep the model there, before one comes. For a
    volume that is a folder on each node: a pod of next to no resources on each fetches."""


FETCHED_KINDS = ("huggingFace", "modelScope", "modelers", "s3")
"""Sources that the pods fetch from."""
_KINDS = ("persistentVolumeClaim", "image", *FETCHED_KINDS)


class ModelSource(ApiModel):
    """Where the weights come from: exactly one of the fields."""

    persistent_volume_claim: ClaimSource | None = None
    """Weights that lie on a PersistentVolumeClaim already."""
    image: ImageSource | None = None
    """Weights in an OCI image."""
    hugging_face: HubSource | None = None
    """Hugging Face or a mirror of it."""
    model_scope: HubSource | None = None
    """ModelScope or a mirror of it."""
    modelers: HubSource | None = None
    """Modelers or a mirror of it."""
    s3: S3Source | None = None
    """A bucket."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            " + ".join(f"(has(self.{kind}) ? 1 : 0)" for kind in _KINDS) + " == 1",
            f"spec.model.source (likewise an adapter's) takes exactly one of {', '.join(_KINDS[:-1])} and {_KINDS[-1]}",
            good={"model": {"source": {"persistentVolumeClaim": None, "huggingFace": {}}}},
            bad={"model": {"source": {"huggingFace": {}}}},
        ),
    )

    @property
    def library(self) -> Library:
        """The one that is set."""
        kinds = (self.persistent_volume_claim, self.image, self.hugging_face, self.model_scope, self.modelers, self.s3)
        return next(kind for kind in kinds if kind is not None)

    @property
    def hub(self) -> HubSource | None:
        """The hub, where it is one."""
        return self.hugging_face or self.model_scope or self.modelers
