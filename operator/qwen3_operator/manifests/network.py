"""How a deployment is reached: one Service over all its pods, and who may open a connection to them."""

from __future__ import annotations

from typing import Any

from qwen3_operator.manifests.names import selector
from qwen3_runtime.config import API_PORT, MANAGEMENT_PORT

SERVICE_PORT = 80


def service_spec(name: str) -> dict[str, Any]:
    """Port 80 to the pods' API port, over all pools and revisions."""
    return {
        "type": "ClusterIP",
        "selector": selector(name),
        "ports": [
            {"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
        ],
    }


def network_policy_spec(name: str, operator_namespace: str) -> dict[str, Any]:
    """The API only from the own namespace and the operator's (where the gateway runs).

    The management port is open: kubelets, Prometheus and the operator read it, and it reaches no engine.
    """
    return {
        "podSelector": {"matchLabels": selector(name)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {}},
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": operator_namespace}}},
                ],
                "ports": [{"protocol": "TCP", "port": API_PORT}],
            },
            {"ports": [{"protocol": "TCP", "port": MANAGEMENT_PORT}]},
        ],
    }
