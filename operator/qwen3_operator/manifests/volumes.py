"""The volumes in which a model and its adapters lie, and the Secrets that fetching them needs."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.manifests.digest import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qwen3_operator.api.deployment import Model
    from qwen3_operator.api.source import ModelCache, ModelSource

TOKEN = "token"  # noqa: S105 - name of a file
_READABLE_BY_GROUP = 0o440
_LIST = "adapter-list"
LIST_FILE = "adapters.json"
LIST_PATH = f"/etc/qwen3/{_LIST}/{LIST_FILE}"


@dataclass(frozen=True)
class Place:
    """One volume of the pod."""

    name: str
    mount: str
    volume: dict[str, Any]
    is_written: bool
    """What is there already is mounted read-only."""


@dataclass(frozen=True)
class SecretPlace:
    """One Secret of the pod."""

    name: str
    mount: str
    secret: dict[str, Any]


def places(model: Model) -> dict[str, Place]:
    """Volumes of the model's source and of its adapters', by `key`.

    Each claim and image is there once: a pod that names a claim twice does not start on every cluster.
    """
    found: dict[str, Place] = {}
    for source in _sources(model):
        name, mount = (f"adapters-{len(found)}", f"/adapters/{len(found)}") if found else ("models", "/models")
        made = Place(name, mount, _volume(source, model.cache), is_fetched(source))
        known = found.setdefault(key(source, model.cache), made)
        found[key(source, model.cache)] = replace(known, is_written=known.is_written or made.is_written)
    return found


def key(source: ModelSource, cache: ModelCache | None) -> str:
    """Sources with the same one lie in the same volume."""
    return ":".join(_identity(source, cache))


def secrets(model: Model) -> list[SecretPlace]:
    """Those of the model and its adapters that need one, each once: a known one is no new volume."""
    own = _secret(model.source)
    asked = (_secret(adapter.source) for adapter in model.adapters)
    others = {digest(secret): secret for secret in asked if secret not in (None, own)}
    return [
        *([] if own is None else [SecretPlace("weights-secret", "/etc/qwen3/weights", own)]),
        *(
            SecretPlace(f"adapter-secret-{index}", f"/etc/qwen3/adapters/{index}", secret)
            for index, (_, secret) in enumerate(sorted(others.items()), start=1)
        ),
    ]


def secret_place(model: Model, source: ModelSource) -> SecretPlace | None:
    """The Secret of a source of the model or of an adapter; None where it needs none."""
    secret = _secret(source)
    return next((place for place in secrets(model) if place.secret == secret), None)


def with_list(pod: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A pod that follows the list of adapters in a ConfigMap. The kubelet keeps the folder like it; a subPath stays."""
    mount = {"name": _LIST, "mountPath": posixpath.dirname(LIST_PATH), "readOnly": True}
    container, *others = pod["containers"]
    return {
        **pod,
        "containers": [{**container, "volumeMounts": [*container["volumeMounts"], mount]}, *others],
        "volumes": [*pod["volumes"], {"name": _LIST, "configMap": {"name": name}}],
    }


def list_name(pod: Mapping[str, Any]) -> str | None:
    """The ConfigMap of the list that a pod, by its spec, follows; None where it follows none."""
    found = (volume.get("configMap") for volume in pod.get("volumes", ()) if volume["name"] == _LIST)
    return next((config_map["name"] for config_map in found if config_map), None)


def weight_volumes(model: Model) -> list[dict[str, Any]]:
    """Volumes of the pod."""
    volumes = [{"name": place.name, **_declared(place)} for place in places(model).values()]
    return [
        *volumes,
        *({"name": one.name, "secret": {**one.secret, "defaultMode": _READABLE_BY_GROUP}} for one in secrets(model)),
    ]


def weight_mounts(model: Model) -> list[dict[str, Any]]:
    """Where the container sees them."""
    mounts: list[dict[str, Any]] = []
    for place in places(model).values():
        read_only = {} if place.is_written else {"readOnly": True}
        mounts.append({"name": place.name, "mountPath": place.mount, **read_only})
    return [*mounts, *({"name": one.name, "mountPath": one.mount, "readOnly": True} for one in secrets(model))]


def is_fetched(source: ModelSource) -> bool:
    """Whether the pod brings it."""
    return source.hub is not None or source.s3 is not None


def _sources(model: Model) -> Iterator[ModelSource]:
    yield model.source
    # In an order that does not follow the list: to take out an adapter or to move it changes no volume that stays.
    yield from sorted((adapter.source for adapter in model.adapters), key=lambda source: key(source, model.cache))


def _identity(source: ModelSource, cache: ModelCache | None) -> tuple[str, str]:
    if (claim := source.persistent_volume_claim) is not None:
        return "claim", claim.claim_name
    if source.image is not None:
        return "image", source.image.reference
    return ("claim", cache.claim_name) if cache is not None else ("scratch", "")


def _volume(source: ModelSource, cache: ModelCache | None) -> dict[str, Any]:
    kind, name = _identity(source, cache)
    volumes: dict[str, dict[str, Any]] = {
        "claim": {"persistentVolumeClaim": {"claimName": name}},
        "image": {"image": {"reference": name}},
    }
    return volumes.get(kind, {"emptyDir": {}})


def _declared(place: Place) -> dict[str, Any]:
    claim = place.volume.get("persistentVolumeClaim")
    if claim is None or place.is_written:
        return place.volume
    return {"persistentVolumeClaim": {**claim, "readOnly": True}}


def _secret(source: ModelSource) -> dict[str, Any] | None:
    if source.hub is not None and (token := source.hub.token) is not None:
        return {"secretName": token.name, "items": [{"key": token.key, "path": TOKEN}]}
    if source.s3 is not None and source.s3.credentials_secret:
        return {"secretName": source.s3.credentials_secret}
    return None
