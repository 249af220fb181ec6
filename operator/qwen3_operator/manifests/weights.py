"""Where a pod finds the model and its adapters, and where they come from: what the runtime is told of them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.inventory.quantity import amount
from qwen3_operator.manifests.volumes import LIST_PATH, TOKEN, key, places, secret_place
from qwen3_operator.sizing.adapters import adapter_room, adapter_targets, asked_room
from qwen3_runtime.config import AdapterFiles, Adapters, ModelCache, ModelFiles
from qwen3_runtime.sources import Checksums, Hub, HubSource, S3Source, WeightSource

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.api.source import HubSource as AskedHub
    from qwen3_operator.api.source import ModelCache as AskedCache
    from qwen3_operator.api.source import ModelSource
    from qwen3_operator.api.status import Placement
    from qwen3_operator.catalog import Engine, Model

_GGUF = "GGUF-"
_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""Of an adapter's repository; beside them lie what the trainer needs to go on, and pickles."""


def model_files(spec: DeploymentSpec, placement: Placement, model: Model) -> ModelFiles:
    """Where the weights of a placement lie in its pods, and where they come from."""
    source = spec.model.source
    patterns: tuple[str, ...] = ()
    if source.hub and placement.quantization.startswith(_GGUF):
        patterns = (f"*{placement.quantization.removeprefix(_GGUF)}*.gguf",)
    path, fetched = _placed(spec, source, _folder(source, placement, model), patterns)
    cache = _cache(spec.model.cache) if spec.model.cache else None
    return ModelFiles(path=path, source=fetched, cache=cache, expected_config=model.expected_config())


def adapters(spec: DeploymentSpec, placement: Placement, model: Model, engine: Engine) -> Adapters | None:
    """The room for its adapters and where the pods find the list of them; None where there are to be none.

    Members of a group do not follow a list: each would have to have fetched what the leader has the engine load.
    """
    room, asked = adapter_room(spec, engine), asked_room(spec)
    if room is None or asked is None:
        return None
    follows = placement.nodes == 1
    return Adapters(
        rank=room.rank,
        slots=asked[0],
        targets=adapter_targets(model),
        base_models=_repositories(spec.model.source.hub, model),
        files=() if follows else adapter_files(spec, placement, model),
        list_path=LIST_PATH if follows else None,
    )


def adapter_files(spec: DeploymentSpec, placement: Placement, model: Model) -> tuple[AdapterFiles, ...]:
    """Where its adapters lie, and where they come from."""
    files: list[AdapterFiles] = []
    for adapter in spec.model.adapters:
        folder = _folder(adapter.source, placement, model)
        path, fetched = _placed(spec, adapter.source, folder, _ADAPTER_FILES)
        files.append(AdapterFiles(name=adapter.name, path=path, source=fetched))
    return tuple(files)


def _cache(asked: AskedCache) -> ModelCache:
    return ModelCache(size_limit_bytes=amount(asked.size_limit) if asked.size_limit else None)


def _repositories(hub: AskedHub | None, model: Model) -> tuple[str, ...]:
    """What an adapter of the model may say that it was trained on."""
    own = (hub.repository,) if hub and hub.repository else ()
    known = (checkpoint.repository for checkpoint in model.checkpoints if checkpoint.repository)
    return tuple(dict.fromkeys((*own, *known)))


def _placed(
    spec: DeploymentSpec, source: ModelSource, folder: str, patterns: tuple[str, ...]
) -> tuple[str, WeightSource | None]:
    """Path in the pod and what is fetched there, of the model or an adapter."""
    secret = secret_place(spec.model, source)
    fetched = _fetched(source, folder, secret.mount if secret else None, patterns)
    place = places(spec.model)[key(source, spec.model.cache)]
    return posixpath.join(place.mount, fetched.folder_name() if fetched else folder).rstrip("/"), fetched


def _folder(source: ModelSource, placement: Placement, model: Model) -> str:
    """The path inside the source. Empty for a hub with a repository."""
    checkpoint = model.checkpoint(Quantization(placement.quantization))
    return source.library.folder(
        model=model.name,
        quantization=placement.quantization,
        repository=checkpoint.repository if checkpoint else "",
    )


def _fetched(source: ModelSource, folder: str, secret: str | None, patterns: tuple[str, ...]) -> WeightSource | None:
    """``patterns`` are for a source that names none of its own."""
    if (hub := source.hub) is not None:
        return HubSource(
            hub=_hub_name(source),
            repository=hub.repository or folder,
            revision=hub.revision,
            endpoint=hub.endpoint,
            token_file=posixpath.join(secret, TOKEN) if secret else None,
            files=hub.files or patterns,
        )
    if (s3 := source.s3) is not None:
        return S3Source(
            bucket=s3.bucket,
            prefix=folder,
            endpoint=s3.endpoint,
            region=s3.region,
            credentials_folder=secret,
            files=s3.files or patterns,
            checksums=Checksums(s3.checksums.value),
        )
    return None


def _hub_name(source: ModelSource) -> Hub:
    if source.hugging_face is not None:
        return Hub.HUGGING_FACE
    return Hub.MODEL_SCOPE if source.model_scope is not None else Hub.MODELERS
