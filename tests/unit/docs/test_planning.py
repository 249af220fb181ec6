"""docs/planning.md names what the planner can say, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

from qwen3_operator.sizing import FailureReason, Reason
from tests.unit.inventory.objects import gpu_node, npu_node
from tests.unit.sizing.given import failed, planned, spec

PAGE = (Path(__file__).parents[3] / "docs" / "planning.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_example_of_a_failure_is_the_planners() -> None:
    quoted = re.findall(r"^> (.*)$", section("When nothing fits"), flags=re.MULTILINE)
    answer = failed(spec("Qwen3-235B-A22B"), npu_node("n"))
    assert answer.message == " ".join(quoted)


def test_the_example_in_numbers() -> None:
    users = {
        "concurrency": 64,
        "inputTokens": {"p50": 1500, "p95": 3000},
        "outputTokens": {"p50": 500, "p95": 1000},
    }
    asked = spec(replicas=3, workload=users, hardware={"maxDevicesPerReplica": 2})
    (placement,) = planned(asked, gpu_node("n", memory_mib=81_559)).placements
    numbers = [int(text.replace(",", "")) for text in re.findall(r"[0-9,]{7,}", section("The arithmetic, by example"))]
    assert placement.kv_cache_tokens in numbers
    assert placement.max_concurrency == 70
    assert placement.memory.kv_cache / placement.kv_cache_tokens in numbers


def test_reasons_are_listed() -> None:
    listed = re.findall(r"^\| `(\w+)` \| \S", section("Reasons"), flags=re.MULTILINE)
    assert listed == [str(reason) for reason in Reason]


def test_failures_are_named() -> None:
    named = set(re.findall(r"`(\w+)`", section("When nothing fits")))
    assert {str(reason) for reason in FailureReason} <= named


def test_constraints_are_named() -> None:
    known = {
        "KVCache",
        "Weights",
        "RecurrentState",
        "MaxRunningRequests",
        "TimeToFirstToken",
        "TimePerOutputToken",
        "Latency",
    }
    assert known | {"Devices", "Price"} <= set(re.findall(r"`(\w+)`", section("Binding constraint")))
