"""Whether pods of ours can run on a node: cordons, readiness, taints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.api.status import Toleration
from qwen3_operator.inventory.types import UnusedNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen3_operator.api.pool import PoolToleration

_REPELLING = frozenset({"NoSchedule", "NoExecute"})


def unusable(
    name: str, node: Mapping[str, Any], known: frozenset[str], stated: Sequence[PoolToleration], pool: str
) -> UnusedNode | None:
    """Cordoned, not ready, or repelling by a taint that nobody tolerates."""
    if node.get("spec", {}).get("unschedulable"):
        return UnusedNode(name, "Cordoned", "kubectl uncordon makes it usable again", pool)
    ready = next((c for c in node["status"].get("conditions") or () if c["type"] == "Ready"), None)
    if ready is None or ready["status"] != "True":
        return UnusedNode(name, "NotReady", (ready or {}).get("message") or "no Ready condition", pool)
    for taint in _repelling(node):
        is_known = taint["key"] in known and taint["effect"] == "NoSchedule"
        if not is_known and not any(_tolerates(toleration, taint) for toleration in stated):
            shown = f"{taint['key']}:{taint['effect']}"
            message = f"taint {shown} is not one of accelerator nodes, and no AcceleratorPool tolerates it"
            return UnusedNode(name, "Tainted", message, pool)
    return None


def _tolerates(toleration: PoolToleration, taint: Mapping[str, Any]) -> bool:
    """As the scheduler decides it."""
    if toleration.key != taint["key"] or toleration.effect not in {None, taint["effect"]}:
        return False
    return toleration.operator == "Exists" or (toleration.value or "") == (taint.get("value") or "")


def _repelling(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [taint for taint in node.get("spec", {}).get("taints") or () if taint["effect"] in _REPELLING]


def tolerations(node: Mapping[str, Any], known: Iterable[str]) -> tuple[Toleration, ...]:
    """For those taints of a node that mark accelerators."""
    keys = sorted({taint["key"] for taint in _repelling(node)} & set(known))
    return tuple(Toleration(key=key, operator="Exists", effect="NoSchedule") for key in keys)
