"""How a deployment is reached: one Service over all its pods, and who may open a connection to them."""

from __future__ import annotations

from typing import Any

from qwen3_operator.manifests.names import selector
from qwen3_runtime.config import API_PORT, MANAGEMENT_PORT

SERVICE_PORT = 80
GATEWAY_LABELS = {"app.kubernetes.io/component": "gateway", "app.kubernetes.io/part-of": "qwen3-serving"}
"""On the gateway's pods; the chart sets them."""


def service_spec(name: str) -> dict[str, Any]:
    """Port 80 to the pods' API port, over all pools and revisions."""
    return {
        "type": "ClusterIP",
        "selector": selector(name),
        "ports": [
            {"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
        ],
    }


def network_policy_spec(name: str, gateway_namespace: str | None, *, groups: bool = False) -> dict[str, Any]:
    """The API only from the own namespace and, where tenants are let in, from the gateway's pods.

    The management port is open: kubelets, Prometheus and the operator read it, and it reaches no engine.

    Args:
        name: Of the deployment.
        gateway_namespace: Where the gateway runs; None where it is not let in.
        groups: Whether replicas span pods, which reach each other on all ports: collectives choose theirs late.
    """
    among = [{"from": [{"podSelector": {"matchLabels": selector(name)}}]}] if groups else []
    peers: list[dict[str, Any]] = [{"podSelector": {}}]
    if gateway_namespace is not None:
        namespace = {"matchLabels": {"kubernetes.io/metadata.name": gateway_namespace}}
        peers.append({"namespaceSelector": namespace, "podSelector": {"matchLabels": GATEWAY_LABELS}})
    return {
        "podSelector": {"matchLabels": selector(name)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": peers,
                "ports": [{"protocol": "TCP", "port": API_PORT}],
            },
            {"ports": [{"protocol": "TCP", "port": MANAGEMENT_PORT}]},
            *among,
        ],
    }
