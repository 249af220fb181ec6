"""How many pods a node drain, or anything else that evicts, may take at once."""

from __future__ import annotations

from typing import Any

from qwen3_operator.manifests.names import selector


def disruption_budget_spec(name: str) -> dict[str, Any]:
    """One pod at a time over all pools; the next when its replacement serves.

    A budget of "at least one" would let no node with a single replica be drained. Pods that are not ready never hold a
    drain up: they serve nobody, and on a broken node they would for ever
    (https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy).
    """
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": selector(name)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
