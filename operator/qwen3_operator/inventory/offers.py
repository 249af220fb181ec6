"""What devices a node offers, under which resource names: whole ones, MIG slices, time-sliced ones."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from qwen3_operator.catalog import CPU
from qwen3_operator.catalog.base import MIB
from qwen3_operator.inventory import mig
from qwen3_operator.inventory.sharing import SHARED_PRODUCT_SUFFIX, SHARED_RESOURCE_SUFFIX, shared, users
from qwen3_operator.inventory.shown import GPU, PRODUCT_LABEL, Offer, Problem, Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.catalog import Accelerator, Catalog, NodeMark
    from qwen3_operator.inventory.marks import Marks
    from qwen3_operator.inventory.named import NamedPool

MEMORY_TOLERANCE = 0.05
"""How far the memory on a node's label may be from the catalog's: drivers differ by some hundred MiB."""

_CHIP_LABEL = "node.kubernetes.io/npu.chip.name"
_VENDOR_PREFIXES = ("nvidia.com/", "huawei.com/")


def offers(shown: Shown, marks: Marks, stated: NamedPool | None) -> list[Offer | Problem]:
    """Everything that a node offers, or why it cannot be used. A node without devices offers itself.

    Args:
        shown: The node's labels and resources.
        marks: How accelerators show themselves.
        stated: The AcceleratorPool of the node, whose words come before what is discovered.
    """
    if stated and stated.spec.accelerator:
        return _stated(shown, marks.catalog, stated)
    if found := _marked(shown, marks, stated):
        return _by_resource(shown, *found, stated)
    vendor = sorted(name for name, count in shown.offered.items() if count and name.startswith(_VENDOR_PREFIXES))
    if stated and stated.spec.resource_name:
        vendor = [stated.spec.resource_name]
    if vendor:
        return [Problem("UnknownAccelerator", _unknown_message(vendor, shown.labels, stated))]
    if shown.product:
        return [Problem("NoDevices", f"labelled {shown.product} but offers no {GPU}: is the device plugin up?")]
    return [Offer(marks.catalog.accelerators[CPU], "")]


def nearest(name: str, known: Iterable[str]) -> str:
    """Known names that look like ``name``, as the end of a sentence."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(by_lower[found] for found in close)}?"
    return f"known are {', '.join(sorted(by_lower.values()))}"


def _marked(shown: Shown, marks: Marks, stated: NamedPool | None) -> tuple[Accelerator, NodeMark] | None:
    """The catalog's entry whose labels the node carries and whose resource, in any form, it offers."""
    product = mig.split_product(shown.product)[0].removesuffix(SHARED_PRODUCT_SUFFIX)
    seen = {**shown.labels, PRODUCT_LABEL: product} if product else shown.labels
    labelled = marks.on(seen)
    found = next(((row, mark) for row, mark in labelled if _forms(mark.resource, shown.offered)), None)
    named = stated.spec.resource_name if stated else None
    if found is None and named and len({row.name for row, _ in labelled}) == 1:
        return labelled[0]
    return found


def _forms(resource: str, offered: Mapping[str, int]) -> list[str]:
    """The resource as it is offered: whole, time-sliced under another name, in slices."""
    names = [name for name in (resource, f"{resource}{SHARED_RESOURCE_SUFFIX}") if name in offered]
    if resource == GPU:
        names += sorted(name for name in offered if name.startswith(mig.RESOURCE_PREFIX))
    return names


def _by_resource(
    shown: Shown, accelerator: Accelerator, mark: NodeMark, stated: NamedPool | None
) -> list[Offer | Problem]:
    named = stated.spec.resource_name if stated else None
    names = [name for name in ([named] if named else _forms(mark.resource, shown.offered)) if shown.offered.get(name)]
    if not names:
        return [Problem("NoDevices", f"offers 0 {named or mark.resource}: is the device plugin up?", mark.pool)]
    return [_offer(shown, accelerator, mark, name, stated) for name in names]


def _stated(shown: Shown, catalog: Catalog, stated: NamedPool) -> list[Offer | Problem]:
    """The devices that an AcceleratorPool names, whatever the labels say."""
    name, resource = stated.spec.accelerator or "", stated.spec.resource_name
    accelerator = catalog.accelerators.get(name)
    if accelerator is None:
        message = f"spec.accelerator {name!r} is not in the catalog: {nearest(name, catalog.accelerators)}"
        return [Problem("UnknownAccelerator", message)]
    if name == CPU:
        return [Offer(accelerator, "")]
    mark = next((mark for mark in accelerator.nodes if _forms(mark.resource, shown.offered)), None)
    if mark and not resource:
        return _by_resource(shown, accelerator, mark, stated)
    if not resource or not shown.offered.get(resource):
        asked = [resource] if resource else sorted({mark.resource for mark in accelerator.nodes})
        message = f"offers no {' or '.join(asked)}: is the device plugin up, or does spec.resourceName differ?"
        return [Problem("NoDevices", message)]
    return [_offer(shown, accelerator, next(iter(accelerator.nodes), None), resource, stated)]


def _offer(
    shown: Shown, accelerator: Accelerator, mark: NodeMark | None, resource: str, stated: NamedPool | None
) -> Offer | Problem:
    memory = stated.memory_bytes if stated else None
    label = mark.memory_label if mark else None
    pool = mark.pool if mark else accelerator.name.lower()
    whole = Offer(accelerator, resource, _telling(shown, mark), accelerator.memory_bytes, pool)
    if count := users(shown, resource):
        return shared(whole, count, memory)
    if mig.part_of(shown, resource):
        return mig.sliced(shown, whole, label, memory)
    memory = memory or shown.number(label) * MIB or accelerator.memory_bytes
    off = abs(memory - accelerator.memory_bytes) / accelerator.memory_bytes
    if off > MEMORY_TOLERANCE and not (stated and stated.memory_bytes):
        return Problem("MemoryMismatch", _memory_message(memory, label, accelerator), pool)
    return Offer(accelerator, resource, whole.labels, memory, pool)


def _telling(shown: Shown, mark: NodeMark | None) -> dict[str, str]:
    """The mark's labels as the node has them; none where they are not what told the accelerator."""
    if mark is None or not all(key in shown.labels for key in mark.labels):
        return {}
    return {key: shown.labels[key] for key in mark.labels}


def _unknown_message(vendor: list[str], labels: Mapping[str, str], stated: NamedPool | None) -> str:
    hints = {key: labels[key] for key in (PRODUCT_LABEL, _CHIP_LABEL) if key in labels}
    seen = f"labels {hints}" if hints else "no label that names the device (GPU Feature Discovery, npu.chip.name)"
    remedy = "set spec.accelerator" if stated else "an AcceleratorPool can name it"
    return f"offers {', '.join(vendor)} with {seen}: no catalog entry matches; {remedy}"


def _memory_message(memory: int, label: str | None, accelerator: Accelerator) -> str:
    return (
        f"{label}={memory // MIB} MiB, the catalog says {accelerator.memory_bytes // MIB} MiB for {accelerator.name}: "
        "not a whole device, unless an AcceleratorPool states memoryPerDevice"
    )
