"""The volumes in which a model and its adapters lie, and the Secrets that fetching them needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.api.deployment import Model
    from qwen3_operator.api.source import ModelCache, ModelSource

TOKEN = "token"  # noqa: S105 - name of a file
_READABLE_BY_GROUP = 0o440


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
    """Those of the model and its adapters that need one."""
    found = (secret_place(source, index) for index, source in enumerate(_sources(model)))
    return [place for place in found if place is not None]


def secret_place(source: ModelSource, index: int) -> SecretPlace | None:
    """The Secret of the model (index 0) or of an adapter (from 1 on); None where it needs none."""
    secret = _secret(source)
    if secret is None:
        return None
    name = f"adapter-secret-{index}" if index else "weights-secret"
    mount = f"/etc/qwen3/adapters/{index}" if index else "/etc/qwen3/weights"
    return SecretPlace(name, mount, secret)


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
    yield from (adapter.source for adapter in model.adapters)


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
