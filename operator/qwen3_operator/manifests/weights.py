"""How weights get into a pod: the volume they lie in, the Secret that fetching needs, and what the runtime is told."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.deployment import Quantization
from qwen3_runtime.config import ModelFiles
from qwen3_runtime.sources import Checksums, Hub, HubSource, S3Source, WeightSource

if TYPE_CHECKING:
    from qwen3_operator.api.source import ModelSource
    from qwen3_operator.api.status import Placement
    from qwen3_operator.catalog import Model

MODELS_MOUNT = "/models"
_SECRET_MOUNT = "/etc/qwen3/weights"  # noqa: S105 - a path
_TOKEN = "token"  # noqa: S105 - name of a file
_VOLUME, _SECRET_VOLUME = "models", "weights-secret"
_READABLE_BY_GROUP = 0o440
_GGUF = "GGUF-"


def model_files(source: ModelSource, placement: Placement, model: Model) -> ModelFiles:
    """Where the weights of a placement lie in its pods, and where they come from."""
    folder = _folder(source, placement, model)
    fetched = _fetched(source, placement, folder)
    path = posixpath.join(MODELS_MOUNT, fetched.folder_name() if fetched else folder).rstrip("/")
    return ModelFiles(path=path, source=fetched, expected_config=model.expected_config())


def weight_volumes(source: ModelSource) -> list[dict[str, Any]]:
    """The volume of the weights, and that of the Secret where there is one."""
    volumes = [{"name": _VOLUME, **_volume(source)}]
    if (secret := _secret(source)) is not None:
        volumes.append({"name": _SECRET_VOLUME, "secret": {**secret, "defaultMode": _READABLE_BY_GROUP}})
    return volumes


def weight_mounts(source: ModelSource) -> list[dict[str, Any]]:
    """Where the container sees them. Weights that are there already are never written."""
    models: dict[str, Any] = {"name": _VOLUME, "mountPath": MODELS_MOUNT}
    if not _is_fetched(source):
        models["readOnly"] = True
    if _secret(source) is None:
        return [models]
    return [models, {"name": _SECRET_VOLUME, "mountPath": _SECRET_MOUNT, "readOnly": True}]


def _is_fetched(source: ModelSource) -> bool:
    return source.hub is not None or source.s3 is not None


def _folder(source: ModelSource, placement: Placement, model: Model) -> str:
    """The path inside the source. Empty for a hub with a repository."""
    checkpoint = model.checkpoint(Quantization(placement.quantization))
    return source.library.folder(
        model=model.name,
        quantization=placement.quantization,
        repository=checkpoint.repository if checkpoint else "",
    )


def _fetched(source: ModelSource, placement: Placement, folder: str) -> WeightSource | None:
    if (hub := source.hub) is not None:
        files = hub.files
        if not files and placement.quantization.startswith(_GGUF):
            files = (f"*{placement.quantization.removeprefix(_GGUF)}*.gguf",)
        return HubSource(
            hub=_hub_name(source),
            repository=hub.repository or folder,
            revision=hub.revision,
            endpoint=hub.endpoint,
            token_file=posixpath.join(_SECRET_MOUNT, _TOKEN) if hub.token else None,
            files=files,
        )
    if (s3 := source.s3) is not None:
        return S3Source(
            bucket=s3.bucket,
            prefix=folder,
            endpoint=s3.endpoint,
            region=s3.region,
            credentials_folder=_SECRET_MOUNT if s3.credentials_secret else None,
            files=s3.files,
            checksums=Checksums(s3.checksums.value),
        )
    return None


def _hub_name(source: ModelSource) -> Hub:
    if source.hugging_face is not None:
        return Hub.HUGGING_FACE
    return Hub.MODEL_SCOPE if source.model_scope is not None else Hub.MODELERS


def _volume(source: ModelSource) -> dict[str, Any]:
    if (claim := source.persistent_volume_claim) is not None:
        return {"persistentVolumeClaim": {"claimName": claim.claim_name, "readOnly": True}}
    if source.image is not None:
        return {"image": {"reference": source.image.reference}}
    if source.download is not None and source.download.claim_name:
        return {"persistentVolumeClaim": {"claimName": source.download.claim_name}}
    return {"emptyDir": {}}


def _secret(source: ModelSource) -> dict[str, Any] | None:
    if source.hub is not None and (token := source.hub.token) is not None:
        return {"secretName": token.name, "items": [{"key": token.key, "path": _TOKEN}]}
    if source.s3 is not None and source.s3.credentials_secret:
        return {"secretName": source.s3.credentials_secret}
    return None
