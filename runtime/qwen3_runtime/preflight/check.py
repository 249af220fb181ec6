"""``check(found, wanted)``: what of a pod's devices is not as planned. Pure.

What could not be read is a finding without a reason, which only warns: a restricted container may hide it and serve all
the same. The order of `CHECKS` says which failure names the pod's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_runtime.config import TerminationReason
from qwen3_runtime.preflight import machine
from qwen3_runtime.preflight.finding import Finding
from qwen3_runtime.preflight.interfaces import usable
from qwen3_runtime.preflight.resources import hands_out, is_name, is_one_of
from qwen3_runtime.preflight.versions import is_older, oldest_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen3_runtime.config import Npus
    from qwen3_runtime.preflight.found import Chip, Found

_UNKNOWN = "unknown"
_MEMORY_SHARE = 0.85
"""Of the planned memory. Chips of a 300I Duo print 43,693 of their 49,152 MiB and those of a 300I Pro 21,527 of 24,576
(0.89 and 0.88); the next smaller card of any kind has half."""


def check(found: Found, wanted: Npus) -> tuple[Finding, ...]:
    """All that is wrong, the most telling failure first, and all that is not known."""
    return tuple(finding for part in CHECKS for finding in part(found, wanted))


def _architecture(found: Found, wanted: Npus) -> Iterator[Finding]:
    del wanted
    parts = {"npu-smi, which is the node's": found.tool_machine, "CANN": found.cann_machine}
    for name, built_for in parts.items():
        if built_for is not None and machine.named(built_for) != machine.named(found.machine):
            reason = TerminationReason.ARCHITECTURE_MISMATCH
            yield Finding(f"architecture of {name}", built_for, f"{found.machine} as the image", reason)


def _devices(found: Found, wanted: Npus) -> Iterator[Finding]:
    want = f"{wanted.devices} x {wanted.resource or 'NPU'}"
    if found.devices is None:
        yield Finding("devices", f"{_UNKNOWN} (/dev cannot be listed)", want)
        return
    count = max(len(found.devices), len(found.chips))
    if count < wanted.devices:
        listed = f"{count} ({', '.join(found.devices)})" if found.devices else "no /dev/davinci*"
        yield Finding("devices", listed, want, TerminationReason.DEVICE_MISSING)
    elif len(found.devices) > wanted.devices:
        yield Finding("devices", f"{len(found.devices)}, more than were asked for", want)
    if found.chips and len(found.chips) < wanted.devices <= count:
        yield Finding("devices", f"{len(found.chips)} listed by npu-smi", want)


def _access(found: Found, wanted: Npus) -> Iterator[Finding]:
    del wanted
    if found.closed:
        names = ", ".join(found.closed)
        want = "read and write by this user or its groups"
        yield Finding("access", f"none to {names}", want, TerminationReason.DEVICE_FORBIDDEN)


def _resource(found: Found, wanted: Npus) -> Iterator[Finding]:
    others = [chip for chip in found.chips if hands_out(wanted.resource, chip.name) is False]
    if others:
        yield Finding("resource", _names(others), wanted.resource, TerminationReason.RESOURCE_MISMATCH)


def _card(found: Found, wanted: Npus) -> Iterator[Finding]:
    if not wanted.chips:
        return
    want = " or ".join(wanted.chips)
    if not found.chips:
        if found.devices:
            yield Finding("card", f"{_UNKNOWN} ({found.chips_unknown})", want)
        return
    others = [chip for chip in found.chips if not is_one_of(chip.name, wanted.chips)]
    if others:
        fails = any(is_name(chip.name) for chip in others)
        yield Finding("card", _names(others), want, TerminationReason.DEVICE_MISMATCH if fails else None)


def _memory(found: Found, wanted: Npus) -> Iterator[Finding]:
    sizes = [(chip.memory_mib, chip) for chip in found.chips if chip.memory_mib is not None]
    want = f"{wanted.memory_mib} MiB"
    if not sizes:
        if found.devices:
            yield Finding("memory of a device", _UNKNOWN, want)
        return
    least, chip = min(sizes, key=lambda pair: pair[0])
    if least >= wanted.memory_mib:
        return
    fails = least < _MEMORY_SHARE * wanted.memory_mib
    reason = TerminationReason.DEVICE_MEMORY_MISMATCH if fails else None
    yield Finding("memory of a device", f"{least} MiB ({chip.place})", want, reason)


def _health(found: Found, wanted: Npus) -> Iterator[Finding]:
    del wanted
    for chip in found.chips:
        if chip.health != "OK":
            yield Finding(f"health of {chip.place}", chip.health or _UNKNOWN, "OK")


def _cann(found: Found, wanted: Npus) -> Iterator[Finding]:
    if not wanted.oldest_cann:
        return
    want = f"{wanted.oldest_cann} or newer"
    older = is_older(found.cann, wanted.oldest_cann) if found.cann else None
    if older is None:
        yield Finding("CANN", found.cann or _UNKNOWN, want)
    elif older:
        yield Finding("CANN", str(found.cann), want, TerminationReason.CANN_TOO_OLD)


def _driver(found: Found, wanted: Npus) -> Iterator[Finding]:
    """Against the CANN of the image; where that is not known, against the oldest that the engine takes."""
    cann = found.cann or wanted.oldest_cann
    oldest = oldest_driver(cann)
    if oldest is None:
        return
    want = f"{oldest} or newer for CANN {cann}"
    older = is_older(found.driver, oldest) if found.driver else None
    if older is None:
        yield Finding("driver", found.driver or _UNKNOWN, want)
    elif older:
        yield Finding("driver", str(found.driver), want, TerminationReason.DRIVER_TOO_OLD)


def _network(found: Found, wanted: Npus) -> Iterator[Finding]:
    del wanted
    network = found.network
    if network is None:
        return
    want = f"one that HCCL_SOCKET_IFNAME={network.rule} allows" if network.rule else "one beside the loopback"
    if network.interfaces is None:
        yield Finding("interfaces", _UNKNOWN, want)
    elif not usable(network.interfaces, network.rule):
        yield Finding("interfaces", ", ".join(network.interfaces), want, TerminationReason.INTERFACE_MISSING)
    if network.busy_ports:
        ports = ", ".join(map(str, network.busy_ports))
        yield Finding("ports", f"{ports} taken", "free for the replica's pods to meet", TerminationReason.PORT_TAKEN)


CHECKS: tuple[Callable[[Found, Npus], Iterator[Finding]], ...] = (
    _architecture,  # nothing of the node can run in this image
    _devices,
    _access,
    _resource,  # another pool than was asked for
    _card,
    _memory,
    _cann,  # the image
    _driver,  # the node, for that image
    _network,
    _health,
)


def _names(chips: list[Chip]) -> str:
    """``910B4 (NPU 0 chip 0 and 7 more)``."""
    first = chips[0]
    names = ", ".join(sorted({chip.name for chip in chips}))
    return f"{names} ({first.place}{f' and {len(chips) - 1} more' if len(chips) > 1 else ''})"
