"""Decisions count with what replicas do, and not with noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.autoscale import record
from qwen3_operator.autoscale.capacity import capacities
from qwen3_operator.autoscale.correction import Correction, corrections
from qwen3_operator.autoscale.memory import Manual, Memory
from qwen3_operator.autoscale.step import Moment
from tests.unit.autoscale.given import PLACE, REQUEST, START, Deployment, spec
from tests.unit.inventory.objects import gpu_node
from tests.unit.sizing.given import CATALOG, planned
from tests.unit.sizing.given import spec as sized

if TYPE_CHECKING:
    from qwen3_operator.api.status import PlanStatus


@pytest.fixture(scope="module")
def plan() -> PlanStatus:
    return planned(sized("Qwen3-8B"), gpu_node("n"))


def taken(plan: PlanStatus, *paces: float, before: dict[str, Correction] | None = None) -> float:
    """Factor after a row of paces."""
    pool, found = plan.placements[0].pool, before or {}
    for pace in paces:
        found = corrections(plan, found, {pool: pace})
    return found[pool].factor


def test_small_changes_move_nothing_and_large_ones_are_taken(plan: PlanStatus) -> None:
    assert taken(plan, 0.95, 1.09) == 1.0
    assert taken(plan, 0.8) == 0.8
    assert taken(plan, 0.8, 0.85, 0.75, 0.87) == 0.8
    assert taken(plan, 0.8, 0.9) == 0.9


def test_what_nobody_asks_stays_and_another_shape_begins_anew(plan: PlanStatus) -> None:
    pool = plan.placements[0].pool
    before = corrections(plan, {}, {pool: 0.7})
    assert corrections(plan, before, {}) == before
    other = plan.model_copy(update={"placements": (plan.placements[0].model_copy(update={"tensor_parallel": 8}),)})
    assert corrections(other, before, {})[pool].factor == 1.0
    more = plan.model_copy(update={"placements": (plan.placements[0].model_copy(update={"replicas": 8}),)})
    assert corrections(more, before, {}) == before


def test_predicted_capacity_is_corrected_and_stated_capacity_is_not(plan: PlanStatus) -> None:
    pool = plan.placements[0].pool
    slow = corrections(plan, {}, {pool: 0.5})
    wanted = sized("Qwen3-8B")
    (as_planned,) = capacities(wanted, plan, CATALOG, startup={}, corrections={}, rooms={})
    (corrected,) = capacities(wanted, plan, CATALOG, startup={}, corrections=slow, rooms={})
    assert corrected.output_tokens_per_second == 0.5 * as_planned.output_tokens_per_second
    assert corrected.input_tokens_per_second == 0.5 * as_planned.input_tokens_per_second
    stated = {"replicaCapacity": {"inputTokensPerSecond": 100, "outputTokensPerSecond": 10}}
    said = DeploymentSpec.model_validate(wanted.to_json() | {"scaling": {"mode": "Auto", "maxReplicas": 9, **stated}})
    (found,) = capacities(said, plan, CATALOG, startup={}, corrections=slow, rooms={})
    assert (found.input_tokens_per_second, found.output_tokens_per_second) == (100, 10)


def test_replicas_that_do_half_are_twice_as_many_for_the_same_work() -> None:
    chat = Deployment()
    chat.run(3.0, 60)
    before = chat.replicas
    full = chat.capacity
    chat.capacity = replace(full, input_tokens_per_second=5e8, output_tokens_per_second=50.0)
    chat.run(3.0, 12)
    assert chat.replicas == pytest.approx(2 * before, abs=1)


def test_it_survives_a_restart_and_is_shown() -> None:
    chat = Deployment(memory=Memory(Manual(1), START, corrections={"gpu": Correction("x", 0.8)}))
    outcome = chat.run(0.5, 3)
    assert Memory.from_bytes(chat.memory.to_bytes()).corrections == {"gpu": Correction("x", 0.8)}

    def shown(**scaling: Any) -> dict[str, str]:
        moment = Moment(PLACE, spec(**scaling), chat.fleet(), chat.samples(), (chat.capacity,), None, chat.now, REQUEST)
        return record.shown(outcome, moment).corrected

    assert shown() == {"gpu": "0.80"}
    assert shown(replicaCapacity={"inputTokensPerSecond": 1, "outputTokensPerSecond": 1}) == {}
