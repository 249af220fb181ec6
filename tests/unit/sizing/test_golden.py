"""Plans for real cases; data/golden.yaml says why each is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import PlanFailure, plan
from tests.unit.inventory.objects import Object, node
from tests.unit.sizing.given import CATALOG, LIBRARY, spec

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "data" / "golden.yaml").read_text())["cases"]


def nodes(entry: dict[str, Any]) -> list[Object]:
    """Nodes with so many devices of one kind."""
    row = CATALOG.accelerators[entry["accelerator"]]
    if not row.nodes:
        return [node("cpu")]
    mark = row.nodes[0]
    devices = {mark.resource: str(entry["devices"])}
    architecture = "arm64" if row.arm64 else "amd64"
    return [
        node(
            f"{mark.pool}-{number}", labels=dict(mark.labels), devices=devices, memory="2Ti", architecture=architecture
        )
        for number in range(entry.get("nodes", 1))
    ]


def pools(cluster: list[dict[str, Any]]) -> list[Object]:
    """AcceleratorPools that set prices."""
    priced = [(CATALOG.accelerators[entry["accelerator"]].nodes[0], entry) for entry in cluster if "price" in entry]
    return [
        {
            "metadata": {"name": mark.pool},
            "spec": {"nodeSelector": dict(mark.labels), "pricePerDeviceHour": entry["price"]},
        }
        for mark, entry in priced
    ]


def answer(case: dict[str, Any]) -> PlanStatus | PlanFailure:
    asked = case["spec"]
    model = {"source": LIBRARY, **asked["model"]}
    found = [made for entry in case["cluster"] for made in nodes(entry)]
    cluster = inventory(found, [], CATALOG, pools=pools(case["cluster"]), groups=case.get("groups", False))
    return plan(spec(**{**asked, "model": model}), cluster, CATALOG)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_golden(case: dict[str, Any]) -> None:
    found = answer(case)
    if "failure" in case:
        assert isinstance(found, PlanFailure), found
        assert found.reason == case["failure"]
        text = " ".join([found.message, *(f"{r.reason} {r.number}" for r in found.rejected)])
    else:
        assert isinstance(found, PlanStatus), found
        placed = [placement.to_json() for placement in found.placements]
        for made, want in zip(placed, case["plan"], strict=True):
            between, exact = want.get("between", {}), {key: value for key, value in want.items() if key != "between"}
            assert {key: made[key] for key in exact} == exact
            assert all(low <= made[key] <= high for key, (low, high) in between.items()), made
        text = found.summary
        assert found.model == case.get("model", found.model)
        if "binding" in case:
            assert found.binding is not None
            assert found.binding.constraint == case["binding"]
    for words in case.get("says", ()):
        assert words in text


def test_there_are_enough() -> None:
    assert len(CASES) > 40
    assert all(len(case["why"]) > 10 for case in CASES)
