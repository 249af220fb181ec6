"""Tenants of the gateway on the test cluster, with their keys."""

from __future__ import annotations

import base64
import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import openai

from qwen3_operator.api.tenant import KEY_SECRET_TYPE
from tests.kube import poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube, Object

SYSTEM = "qwen3-system"
GATEWAY = "qwen3-operator-gateway"
_API_VERSION = "serving.qwen3.io/v1alpha1"


def new_key() -> str:
    """64 hexadecimal digits."""
    return secrets.token_hex(32)


def key_secret(name: str, **entries: str) -> Object:
    """A Secret of keys in the operator's namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": KEY_SECRET_TYPE,
        "metadata": {"name": name, "namespace": SYSTEM},
        "data": {entry: base64.b64encode(text.encode()).decode() for entry, text in entries.items()},
    }


def tenant(name: str, models: list[str], keys: list[Object] | None = None, **spec: Any) -> Object:
    """A Qwen3Tenant; by default its keys are the entry ``key`` of the Secret of its name."""
    wanted = {"apiKeys": [{"secretName": name}] if keys is None else keys, "models": {"names": models}, **spec}
    metadata = {"name": name, "namespace": SYSTEM}
    return {"apiVersion": _API_VERSION, "kind": "Qwen3Tenant", "metadata": metadata, "spec": wanted}


def tenant_condition(kube: Kube, name: str, kind: str) -> Object:
    """A condition that was observed at the current generation; empty while there is none."""
    found = kube.get("q3t", name, SYSTEM)
    current = found["metadata"]["generation"]
    conditions = found.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == kind and one["observedGeneration"] == current), {})


def wait_tenant(kube: Kube, name: str, status: str = "True", reason: str = "") -> Object:
    """Wait for ``Ready``."""

    def reached() -> Object | None:
        found = tenant_condition(kube, name, "Ready")
        return found if found.get("status") == status and reason in ("", found["reason"]) else None

    answer: Object = poll(f"{name}: Ready={status} {reason}", reached, timeout=60)
    return answer


@contextlib.contextmanager
def front_door(kube: Kube) -> Iterator[str]:
    """Base URL of the gateway's Service."""
    with kube.forward(f"service/{GATEWAY}", SYSTEM, 80) as url:
        yield url


@contextlib.contextmanager
def as_tenant(url: str, key: str) -> Iterator[openai.OpenAI]:
    """The official client with a key."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60) as client:
        yield client


def is_let_in(url: str, key: str) -> bool:
    """Whether the gateway takes a key."""
    with as_tenant(url, key) as client:
        try:
            client.models.list()
        except openai.AuthenticationError:
            return False
        return True
