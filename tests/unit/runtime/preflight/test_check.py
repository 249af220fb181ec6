"""Every failure has a reason, the found and the wanted value; what is not known only warns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qwen3_runtime.config import TerminationReason as Reason
from qwen3_runtime.preflight import check, unknowns, verdict
from qwen3_runtime.preflight.found import Chip, Found, Network
from qwen3_runtime.preflight.smi import driver_version, parse_info
from tests.unit.runtime.preflight.samples import found, recorded, wanted


def seen(name: str, **changes: Any) -> Found:
    """A pod whose npu-smi prints this."""
    chips = parse_info(recorded(name))
    devices = tuple(f"davinci{number}" for number in range(len(chips)))
    return found(chips=chips, devices=devices, driver=driver_version(recorded(name)), **changes)


def test_a_pod_as_planned_has_no_finding() -> None:
    assert check(found(), wanted()) == ()


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        ("npu-smi-910b3.txt", {}),
        ("npu-smi-910b3.txt", {"resource": "huawei.com/Ascend910B3"}),
        ("npu-smi-910b4.txt", {"chips": ("910B4",), "memory_mib": 32768}),
        ("npu-smi-910b4-1.txt", {"chips": ("910B4-1", "910B4")}),
        ("npu-smi-910c.txt", {"chips": ("Ascend910",), "devices": 2}),
        ("npu-smi-910c.txt", {"chips": ("Ascend910",), "devices": 2, "resource": "huawei.com/Ascend910C"}),
        (
            "npu-smi-310p3-duo.txt",
            {"chips": ("310P3",), "devices": 2, "resource": "huawei.com/Ascend310P", "memory_mib": 49152},
        ),
    ],
)
def test_recorded_machines_pass_as_what_they_are(name: str, plan: dict[str, Any]) -> None:
    assert verdict(check(replace(seen(name), driver="25.5.2"), wanted(**plan))) is None


@pytest.mark.parametrize(
    ("pod", "plan", "reason", "sentence"),
    [
        (
            found(devices=(), chips=()),
            {},
            Reason.DEVICE_MISSING,
            "devices: found no /dev/davinci*, wanted 8 x huawei.com/Ascend910",
        ),
        (
            replace(seen("npu-smi-910c.txt"), driver="25.5.2"),
            {"chips": ("Ascend910",), "devices": 16},
            Reason.DEVICE_MISSING,
            "devices: found 2 (davinci0, davinci1), wanted 16 x huawei.com/Ascend910",
        ),
        (
            found(closed=("davinci3",)),
            {},
            Reason.DEVICE_FORBIDDEN,
            "access: found none to davinci3, wanted read and write by this user or its groups",
        ),
        (
            found(),
            {"resource": "huawei.com/Ascend310P"},
            Reason.RESOURCE_MISMATCH,
            "resource: found 910B3 (NPU 0 chip 0 and 7 more), wanted huawei.com/Ascend310P",
        ),
        (
            seen("npu-smi-910b4-1.txt"),
            {},
            Reason.DEVICE_MISMATCH,
            "card: found 910B4-1 (NPU 0 chip 0 and 7 more), wanted 910B3",
        ),
        (
            seen("npu-smi-910b4.txt"),
            {"chips": ("910B4-1", "910B4")},
            Reason.DEVICE_MEMORY_MISMATCH,
            "memory of a device: found 32768 MiB (NPU 0 chip 0), wanted 65536 MiB",
        ),
        (found(cann="8.5.0"), {}, Reason.CANN_TOO_OLD, "CANN: found 8.5.0, wanted 9.0.0 or newer"),
        (
            seen("npu-smi-910c.txt"),
            {"chips": ("Ascend910",), "devices": 2},
            Reason.DRIVER_TOO_OLD,
            "driver: found 24.1.rc3.7, wanted 25.0 or newer for CANN 9.0.0",
        ),
        (
            found(tool_machine="aarch64", cann_machine="x86_64", machine="x86_64"),
            {},
            Reason.ARCHITECTURE_MISMATCH,
            "architecture of npu-smi, which is the node's: found aarch64, wanted x86_64 as the image",
        ),
        (
            found(cann_machine="x86_64"),
            {},
            Reason.ARCHITECTURE_MISMATCH,
            "architecture of CANN: found x86_64, wanted aarch64 as the image",
        ),
        (
            found(network=Network(("lo", "net1"), "eth")),
            {},
            Reason.INTERFACE_MISSING,
            "interfaces: found lo, net1, wanted one that HCCL_SOCKET_IFNAME=eth allows",
        ),
        (
            found(network=Network(("lo", "eth0"), busy_ports=(60000, 60001))),
            {},
            Reason.PORT_TAKEN,
            "ports: found 60000, 60001 taken, wanted free for the replica's pods to meet",
        ),
    ],
)
def test_each_failure(pod: Found, plan: dict[str, Any], reason: Reason, sentence: str) -> None:
    failure = verdict(check(pod, wanted(**plan)))
    assert failure is not None
    assert (failure.reason, failure.sentence) == (reason, sentence)


def test_the_first_failure_names_the_end_and_the_sentence_has_all() -> None:
    failure = verdict(check(seen("npu-smi-910b4.txt", cann="8.5.0"), wanted()))
    assert failure is not None
    assert failure.reason is Reason.DEVICE_MISMATCH
    assert failure.sentence.split("; ") == [
        "card: found 910B4 (NPU 0 chip 0 and 7 more), wanted 910B3",
        "memory of a device: found 32768 MiB (NPU 0 chip 0), wanted 65536 MiB",
        "CANN: found 8.5.0, wanted 9.0.0 or newer",
    ]


def test_a_pod_that_shows_nothing_but_its_devices_goes_on_with_warnings() -> None:
    """Restricted containers: no npu-smi, no driver files."""
    pod = Found(devices=found().devices, chips_unknown="there is no npu-smi", machine="aarch64")
    findings = check(pod, wanted())
    assert verdict(findings) is None
    assert unknowns(findings) == (
        "card: found unknown (there is no npu-smi), wanted 910B3",
        "memory of a device: found unknown, wanted 65536 MiB",
        "CANN: found unknown, wanted 9.0.0 or newer",
        "driver: found unknown, wanted 25.0 or newer for CANN 9.0.0",
    )


@pytest.mark.parametrize(
    ("pod", "warning"),
    [
        (found(devices=None), "devices: found unknown (/dev cannot be listed), wanted 8 x huawei.com/Ascend910"),
        (
            found(devices=tuple(f"davinci{number}" for number in range(16))),
            "devices: found 16, more than were asked for, wanted 8 x huawei.com/Ascend910",
        ),
        (
            found(chips=found().chips[:7]),
            "devices: found 7 listed by npu-smi, wanted 8 x huawei.com/Ascend910",
        ),
        (
            found(chips=(*found().chips[:7], Chip(7, 0, "910B3", 65536, "Alarm"))),
            "health of NPU 7 chip 0: found Alarm, wanted OK",
        ),
        (
            found(chips=tuple(replace(chip, name="xxx") for chip in found().chips)),
            "card: found xxx (NPU 0 chip 0 and 7 more), wanted 910B3",
        ),
        (
            found(chips=tuple(replace(chip, memory_mib=60000) for chip in found().chips)),
            "memory of a device: found 60000 MiB (NPU 0 chip 0), wanted 65536 MiB",
        ),
        (found(cann="Ascend"), "CANN: found Ascend, wanted 9.0.0 or newer"),
        (found(driver="custom"), "driver: found custom, wanted 25.0 or newer for CANN 9.0.0"),
        (found(network=Network(None)), "interfaces: found unknown, wanted one beside the loopback"),
    ],
)
def test_what_may_be_all_right_is_a_warning(pod: Found, warning: str) -> None:
    findings = check(pod, wanted())
    assert verdict(findings) is None
    assert unknowns(findings) == (warning,)


def test_a_pod_alone_is_not_asked_for_interfaces_and_ports() -> None:
    assert check(replace(found(), network=None), wanted()) == ()


@pytest.mark.parametrize(
    ("resource", "chip", "fits"),
    [
        ("huawei.com/Ascend910", "910B3", True),
        ("huawei.com/Ascend910", "Ascend910_9392", True),
        ("huawei.com/Ascend910B4", "910B4", True),
        ("huawei.com/Ascend910B4", "910B4-1", False),
        ("huawei.com/Ascend910B4-1", "910B4-1", True),
        ("huawei.com/Ascend910C", "Ascend910", True),
        ("huawei.com/Ascend910C", "910B3", False),
        ("huawei.com/Ascend310P", "310P3", True),
        ("huawei.com/npu", "Ascend950PR", True),
        ("huawei.com/npu", "910B3", False),
        ("example.com/npu", "310P3", True),
    ],
)
def test_which_resource_hands_out_which_chip(resource: str, chip: str, *, fits: bool) -> None:
    plan = wanted(resource=resource, chips=(), devices=1)
    pod = found(devices=("davinci0",), chips=(Chip(0, 0, chip, 65536),))
    assert (verdict(check(pod, plan)) is None) is fits


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ("", True),
        ("eth", True),
        ("enp,eth", True),
        ("=eth0", True),
        ("=eth", False),
        ("^eth", False),
        ("^=eth0", False),
        ("^docker", True),
        ("lo", False),
    ],
)
def test_the_rule_for_interfaces_is_read_as_hccl_reads_it(rule: str, *, fits: bool) -> None:
    pod = found(network=Network(("lo", "eth0"), rule))
    assert (verdict(check(pod, wanted())) is None) is fits
