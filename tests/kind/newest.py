"""Whether what serves was made by the newest operator: its upgrade changes pods, but no generation of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kind.platform import NAMESPACE
from tests.kube import poll

if TYPE_CHECKING:
    from tests.kube import Kube

_OPERATOR = "qwen3-operator"
_SECONDS = 120


def wait_operator(kube: Kube) -> None:
    """Until no operator of an earlier rollout is left that could answer in place of the newest."""
    rollout = ("rollout", "status", f"deployment/{_OPERATOR}", "-n", NAMESPACE)
    kube.run(*rollout, f"--timeout={_SECONDS}s", timeout=_SECONDS + 10)
    wanted = kube.get("deployment", _OPERATOR, NAMESPACE)["spec"]["replicas"]
    selector = "app.kubernetes.io/component=operator"
    poll(
        "the earlier operator ends",
        lambda: len([pod for pod in kube.list("pods", NAMESPACE, selector) if _runs(pod)]) == wanted,
        timeout=_SECONDS,
    )


def _runs(pod: dict[str, Any]) -> bool:
    """Also while it ends."""
    return pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")


def serves_newest(found: dict[str, Any], wish: str) -> bool:
    """Whether the operator has seen this object and this wish, and only pods of what it made of them serve.

    Args:
        found: The Qwen3Deployment.
        wish: Value of the annotation that asks for a new plan.
    """
    status = found.get("status", {})
    ready = readiness(status)
    return (
        status.get("replanned") == wish
        and ready.get("status") == "True"
        and ready["observedGeneration"] == found["metadata"]["generation"]
        and status["replicas"] == status["updatedReplicas"] == status["readyReplicas"]
    )


def readiness(status: dict[str, Any]) -> dict[str, Any]:
    """The condition; empty before there is one."""
    return next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
