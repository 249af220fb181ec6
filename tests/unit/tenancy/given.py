"""Tenants, their Secrets and deployments as the API server stores them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.status import Predicted
from qwen3_operator.tenancy.compile import Compiled, compile_tenancy
from qwen3_operator.tenancy.keys import KeySecret, read_secret
from qwen3_operator.tenancy.served import Served
from tests.unit.manifests.samples import deployment, placement, plan
from tests.unit.reconcile.samples import pod

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import EllipsisType

    from qwen3_operator.api.status import PlanStatus

KEY = "k" * 32
OTHER_KEY = "o" * 32
NOW = "2026-11-27T12:00:00Z"


def tenant(name: str = "acme", *, created: str = "2026-11-24T12:00:00Z", **spec: Any) -> dict[str, Any]:
    """A Qwen3Tenant with one key and one model; keyword arguments replace parts of its spec."""
    minimal: dict[str, Any] = {"apiKeys": [{"secretName": name, "key": "key"}], "models": {"names": ["chat"]}}
    metadata = {"name": name, "namespace": "qwen3-system", "uid": f"uid-{name}", "generation": 1}
    metadata |= {"creationTimestamp": created, "resourceVersion": "5"}
    return {"metadata": metadata, "spec": minimal | spec}


def secret(**entries: str) -> KeySecret:
    """A Secret with these plain texts."""
    return read_secret({"data": {name: base64.b64encode(text.encode()).decode() for name, text in entries.items()}})


def served(
    name: str = "chat",
    *,
    allowed: dict[str, Any] | None = None,
    planned: PlanStatus | EllipsisType | None = ...,
    created: str = "2026-11-24T12:00:00Z",
    spec: dict[str, Any] | None = None,
    **fields: Any,
) -> Served:
    """A deployment that lets every tenant in and is called as it is served; ``allowed={}``: nobody.

    Without ``planned`` its plan is `USUAL`.
    """
    consent = {"all": True} if allowed is None else allowed
    wanted: dict[str, Any] = {"model": {"servedName": name}, **(spec or {})}
    wanted |= {"tenants": {"allowed": consent}} if consent else {}
    labels = fields.pop("labels", {})
    namespace = fields.pop("namespace", "team-a")
    status = fields.pop("status", {})
    raw = deployment(wanted, name=name, namespace=namespace, labels=labels, creationTimestamp=created)
    found = USUAL if planned is ... else planned
    return Served({**raw, "status": status}, DeploymentSpec.model_validate(raw["spec"]), found, **fields)


def predicted(**changes: Any) -> Predicted:
    """A prediction whose concurrency memory limits, as the placement's."""
    values: dict[str, Any] = {
        "concurrency": 2,
        "time_to_first_token": "100ms",
        "time_to_first_token_percentile": "200ms",
        "max_concurrency": 3,
        "source": "calculated",
    }
    return Predicted(**{**values, **changes})


def ready_pod(address: str, name: str = "chat-0", **changes: Any) -> dict[str, Any]:
    """A pod that serves."""
    return pod(name, ready=True, podIP=address, **changes)


def compiled(
    tenants: Iterable[dict[str, Any]] = (), secrets: dict[str, KeySecret] | None = None, *deployments: Served
) -> Compiled:
    """By default one tenant with its key and one deployment."""
    return compile_tenancy(
        list(tenants) or [tenant()],
        {"acme": secret(key=KEY)} if secrets is None else secrets,
        deployments or (served(),),
    )


USUAL = plan(placement(predicted=predicted()))
