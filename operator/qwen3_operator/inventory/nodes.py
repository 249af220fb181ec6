"""Which accelerator a node has, and whether pods can run there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import POOL_LABEL
from qwen3_operator.api.status import Toleration
from qwen3_operator.catalog import CPU
from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory.requests import resources
from qwen3_operator.inventory.types import UnusedNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.catalog import Accelerator, Catalog, NodeMark

ARCHITECTURE_LABEL = "kubernetes.io/arch"
PRODUCT_LABEL = "nvidia.com/gpu.product"
MEMORY_TOLERANCE = 0.05
"""How far the memory on a node's label may be from the catalog's: drivers differ by some hundred MiB."""

_REPELLING = frozenset({"NoSchedule", "NoExecute"})
_MIG_PREFIX = "nvidia.com/mig-"
_VENDOR_PREFIXES = ("nvidia.com/", "huawei.com/")


@dataclass(frozen=True, slots=True)
class NodeKind:
    """What a usable node is: the key by which nodes are grouped, and what belongs to the node alone."""

    pool: str
    accelerator: Accelerator
    mark: NodeMark | None
    """How the node shows its accelerator; None for CPU nodes."""
    architecture: str
    named_by_label: bool
    device_memory_bytes: int
    tolerations: tuple[Toleration, ...]


def kind_of(node: Mapping[str, Any], catalog: Catalog) -> NodeKind | UnusedNode:
    """The kind of a node, or why it cannot be used."""
    name = node["metadata"]["name"]
    labels: Mapping[str, str] = node["metadata"].get("labels") or {}
    found = _accelerator(name, labels, node, catalog)
    if isinstance(found, UnusedNode):
        return found
    accelerator, mark = found
    architecture = labels.get(ARCHITECTURE_LABEL) or node["status"].get("nodeInfo", {}).get("architecture", "amd64")
    pool = labels.get(POOL_LABEL) or _pool_name(mark, architecture)
    memory = _device_memory(labels, accelerator, mark)
    if memory is None:
        return UnusedNode(
            name, "MemoryMismatch", _memory_message(labels, accelerator, mark), pool
        )  # fmt: skip
    tolerated = catalog.tolerated_taints if mark or POOL_LABEL in labels else frozenset[str]()
    if problem := _unusable(name, node, tolerated, pool):
        return problem
    return NodeKind(
        pool=pool,
        accelerator=accelerator,
        mark=mark,
        architecture=architecture,
        named_by_label=POOL_LABEL in labels,
        device_memory_bytes=memory,
        tolerations=_tolerations(node, tolerated),
    )


def _accelerator(
    name: str, labels: Mapping[str, str], node: Mapping[str, Any], catalog: Catalog
) -> tuple[Accelerator, NodeMark | None] | UnusedNode:
    if shared := _shared(labels):
        return UnusedNode(name, "SharedDevices", shared)
    offered = resources(node["status"].get("allocatable"))
    for accelerator in catalog.accelerators.values():
        for mark in accelerator.nodes:
            if mark.resource in offered and all(labels.get(key) == value for key, value in mark.labels.items()):
                return (
                    (accelerator, mark) if offered[mark.resource] else UnusedNode(name, *_none_offered(mark, offered))
                )
    vendor = sorted(resource for resource in offered if resource.startswith(_VENDOR_PREFIXES))
    if vendor:
        return UnusedNode(name, "UnknownAccelerator", _unknown_message(vendor, labels))
    if PRODUCT_LABEL in labels:
        product = labels[PRODUCT_LABEL]
        return UnusedNode(
            name, "NoDevices", f"labelled {product} but offers no nvidia.com/gpu: is the device plugin up?"
        )
    return catalog.accelerators[CPU], None


def _none_offered(mark: NodeMark, offered: Mapping[str, int]) -> tuple[str, str, str]:
    """All GPUs are cut into MIG slices, or the device plugin is away: the kubelet then keeps the resource at 0."""
    slices = sorted(resource for resource, count in offered.items() if resource.startswith(_MIG_PREFIX) and count)
    if slices:
        return "SharedDevices", f"offers {', '.join(slices)}: MIG slices are not planned", mark.pool
    return "NoDevices", f"offers 0 {mark.resource}: is the device plugin up?", mark.pool


def _unknown_message(vendor: list[str], labels: Mapping[str, str]) -> str:
    hints = {key: labels[key] for key in (PRODUCT_LABEL, "node.kubernetes.io/npu.chip.name") if key in labels}
    shown = f"labels {hints}" if hints else "no label that names the device (GPU Feature Discovery, npu.chip.name)"
    return f"offers {', '.join(vendor)} with {shown}: no catalog entry matches"


def _shared(labels: Mapping[str, str]) -> str:
    """Why the GPUs of a node are not whole ones; empty where they are (GPU Feature Discovery's labels)."""
    product = labels.get(PRODUCT_LABEL, "")
    if "-MIG-" in product:
        return f"{PRODUCT_LABEL}={product}: MIG slices are not planned"
    replicas, count = labels.get("nvidia.com/gpu.replicas", "1"), labels.get("nvidia.com/gpu.count", "1")
    strategy = labels.get("nvidia.com/gpu.sharing-strategy", "none")
    if product.endswith("-SHARED") or strategy not in {"none", ""} or _number(replicas) > _number(count):
        return f"{PRODUCT_LABEL}={product}, replicas {replicas} for {count} GPUs: time-sliced GPUs are not planned"
    return ""


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _pool_name(mark: NodeMark | None, architecture: str) -> str:
    if mark is None:
        return f"cpu-{architecture}"
    return mark.pool if architecture == "amd64" else f"{mark.pool}-{architecture}"


def _device_memory(labels: Mapping[str, str], accelerator: Accelerator, mark: NodeMark | None) -> int | None:
    """Bytes of one device by the node's label; by the catalog without one; None where the two disagree."""
    text = labels.get(mark.memory_label, "") if mark and mark.memory_label else ""
    if not text:
        return accelerator.memory_bytes
    reported = _number(text) * MIB
    off = abs(reported - accelerator.memory_bytes) / accelerator.memory_bytes
    return reported if off <= MEMORY_TOLERANCE else None


def _memory_message(labels: Mapping[str, str], accelerator: Accelerator, mark: NodeMark | None) -> str:
    label = mark.memory_label if mark and mark.memory_label else ""
    return (
        f"{label}={labels.get(label, '')} MiB, the catalog says {accelerator.memory_bytes // MIB} MiB for "
        f"{accelerator.name}: not a whole device"
    )


def _unusable(name: str, node: Mapping[str, Any], tolerated: frozenset[str], pool: str) -> UnusedNode | None:
    """Cordoned, not ready, or repelling by a taint that is not an accelerator's."""
    if node.get("spec", {}).get("unschedulable"):
        return UnusedNode(name, "Cordoned", "kubectl uncordon makes it usable again", pool)
    ready = next((c for c in node["status"].get("conditions") or () if c["type"] == "Ready"), None)
    if ready is None or ready["status"] != "True":
        return UnusedNode(name, "NotReady", (ready or {}).get("message") or "no Ready condition", pool)
    for taint in _repelling(node):
        if taint["key"] not in tolerated or taint["effect"] != "NoSchedule":
            shown = f"{taint['key']}:{taint['effect']}"
            return UnusedNode(name, "Tainted", f"taint {shown} is not one of accelerator nodes", pool)
    return None


def _repelling(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [taint for taint in node.get("spec", {}).get("taints") or () if taint["effect"] in _REPELLING]


def _tolerations(node: Mapping[str, Any], tolerated: frozenset[str]) -> tuple[Toleration, ...]:
    keys = sorted({taint["key"] for taint in _repelling(node)} & tolerated)
    return tuple(Toleration(key=key, operator="Exists", effect="NoSchedule") for key in keys)
