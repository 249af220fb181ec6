"""The catalog's Ascend rows and the recorded machines agree."""

from __future__ import annotations

import pytest

from qwen3_operator.catalog import Accelerator, load_catalog
from qwen3_runtime.config import Npus
from qwen3_runtime.preflight import check, verdict
from qwen3_runtime.preflight.resources import hands_out
from qwen3_runtime.preflight.smi import parse_info
from tests.unit.runtime.preflight.samples import found, recorded

ASCEND = [row for row in load_catalog().accelerators.values() if row.device == "npu" and row.chips]
MACHINES = {
    "Ascend-910B3": "npu-smi-910b3.txt",
    "Ascend-910B4": "npu-smi-910b4.txt",
    "Ascend-910B4-64GB": "npu-smi-910b4-1.txt",
    "Ascend-910C": "npu-smi-910c.txt",
    "Ascend-310P3-48GB": "npu-smi-310p3-duo.txt",
}
ALIKE = frozenset({("Ascend-910C-560T", "Ascend-910C")})
"""Which npu-smi's table does not tell apart."""


@pytest.mark.parametrize("row", ASCEND, ids=lambda row: row.name)
def test_every_resource_hands_out_every_chip_of_its_row(row: Accelerator) -> None:
    general = [mark.resource for mark in row.nodes if "B" not in mark.resource]
    assert all(hands_out(resource, chip) is True for resource in general for chip in row.chips)
    assert all(any(hands_out(mark.resource, chip) for chip in row.chips) for mark in row.nodes)


@pytest.mark.parametrize("row", ASCEND, ids=lambda row: row.name)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_plan_passes_on_its_own_machine_and_on_no_other(row: Accelerator, machine: str) -> None:
    chips = parse_info(recorded(MACHINES[machine]))
    devices = tuple(f"davinci{number}" for number in range(len(chips)))
    resource = row.nodes[0].resource if row.nodes else "huawei.com/Ascend910"
    plan = Npus(resource=resource, devices=len(chips), chips=row.chips, memory_mib=row.memory_mi_b)
    failure = verdict(check(found(chips=chips, devices=devices), plan))
    same = row.name == machine or (row.name, machine) in ALIKE
    # A plan for 24 GB is not wrong on 48 GB.
    larger = (row.name, machine) == ("Ascend-310P3", "Ascend-310P3-48GB")
    # 910B4-1 is not taken for the 32 GB card, whose name it begins with.
    assert (failure is None) is (same or larger), failure
