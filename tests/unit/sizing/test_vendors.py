"""The plan beside what vendors state; where they differ the table says why."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import plan
from tests.unit.inventory.objects import Object, a3_node, npu_node
from tests.unit.sizing.given import CATALOG, spec

TABLE = Path(__file__).parent / "data" / "ascend_vendors.csv"
ROWS = list(csv.DictReader(line for line in TABLE.read_text().splitlines() if not line.startswith("#")))


def smallest(row: dict[str, str], made: Object) -> int:
    """Devices of one replica; of several nodes, as the rejection counts them."""
    asked = spec(row["model"], model={"quantization": row["quantization"], "contextLength": 32_768})
    answer = plan(asked, inventory([made], [], CATALOG), CATALOG)
    if isinstance(answer, PlanStatus):
        return answer.placements[0].devices_per_replica
    (wide,) = [found for found in answer.rejected if found.reason == "NeedsLeaderWorkerSet"]
    found = re.match(r"(\d+) devices of \d+ nodes", wide.number)
    assert found is not None, wide
    return int(found[1])


@pytest.mark.parametrize("row", [pytest.param(row, id=" ".join(list(row.values())[:3])) for row in ROWS])
def test_devices(row: dict[str, str]) -> None:
    planned = (smallest(row, npu_node("a2")), smallest(row, a3_node("a3")))
    stated = (int(row["a2"]), int(row["a3"]))
    assert planned == (int(row["planned_a2"]), int(row["planned_a3"]))
    assert bool(row["difference"]) == (planned != stated)
