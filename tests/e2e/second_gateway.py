"""Another gateway than the shared release's, which to upgrade would disturb other tests.

The chart is rendered under another name and the gateway's part of it applied beside the served model, whose engine lets
in its own namespace, told what the operator would tell it.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen3_operator.manifests.names import selector
from qwen3_runtime.config import API_PORT
from qwen3_runtime.tenancy import ROUTES_KEY, TENANTS_KEY, USAGE_ENTRY, Endpoint, Route, Routes, Tenant, Tenants
from tests.chart.chart import Helm, of_kind
from tests.e2e.conftest import SERVED
from tests.e2e.tenants import GATEWAY, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.kube import Kube, Object

MODEL = "Qwen3-Tiny"
"""Served by the deployment of `served`, which names it no other way."""
_KINDS = (
    "deployment,statefulset,service,networkpolicy,poddisruptionbudget,secret,configmap,role,rolebinding,serviceaccount"
)


def name_of(release: str) -> str:
    """Of its workload and its Service."""
    return f"{release}-qwen3-operator-gateway"


class Where(NamedTuple):
    """Which second gateway."""

    release: str
    namespace: str
    """Of `served`."""


def objects(
    kube: Kube, platform: Mapping[str, str], where: Where, *, values: dict[str, Any], tenant: Tenant, token: str
) -> list[Object]:
    """The gateway's part of the chart with ``values`` of it, with one tenant, and a token for what it used."""
    release, namespace = where
    helm = Helm(Path(platform["helm"]))
    rendered = helm.render({"gateway": {"enabled": True, **values}}, release=release, namespace=namespace)
    found = [one for one in rendered if one["metadata"]["labels"].get("app.kubernetes.io/component") == "gateway"]
    (workload,) = of_kind(found, "StatefulSet") or of_kind(found, "Deployment")
    running = kube.get("deployment", GATEWAY, SYSTEM)["spec"]["template"]["spec"]["containers"][0]
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = running["image"]
    (secret,) = of_kind(found, "Secret")
    told = {TENANTS_KEY: Tenants(tenants=(tenant,)).model_dump_json(by_alias=True), USAGE_ENTRY: token}
    secret["data"] = {name: base64.b64encode(text.encode()).decode() for name, text in told.items()}
    routes = next(one for one in of_kind(found, "ConfigMap") if one["metadata"]["name"].endswith("-routes"))
    routes["data"] = {ROUTES_KEY: _routes(kube, namespace)}
    return found


def remove(kube: Kube, where: Where) -> None:
    """All of it."""
    label = f"app.kubernetes.io/instance={where.release}"
    kube.run("delete", _KINDS, "-n", where.namespace, "-l", label, "--ignore-not-found")


def _routes(kube: Kube, namespace: str) -> str:
    pod, *_ = kube.list("pods", namespace, ",".join(f"{label}={value}" for label, value in selector(SERVED).items()))
    endpoint = Endpoint(address=f"{pod['status']['podIP']}:{API_PORT}", placement="p", max_in_flight=8)
    route = Route(name=MODEL, namespace=namespace, deployment=SERVED, context_length=4096, endpoints=(endpoint,))
    return Routes(models=(route,)).model_dump_json(by_alias=True)
