"""Plans within the ResourceQuotas of the deployment's namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import PlanFailure, has_room, plan, with_counts, with_replicas
from tests.unit.inventory.objects import gpu_node, npu_node, quota
from tests.unit.sizing.given import CATALOG, spec

if TYPE_CHECKING:
    from qwen3_operator.inventory import Inventory
    from tests.unit.inventory.objects import Object

H100, H200 = "h100-80gb-hbm3", "h200"


def _within(hard: int, *nodes: Object, used: int = 0) -> Inventory:
    """For a deployment of a namespace that may have so many GPUs."""
    gpus = "requests.nvidia.com/gpu"
    quotas = [quota({gpus: str(hard)}, {gpus: str(used)})]
    return inventory(nodes, (), CATALOG, exclude=("team-a", "chat"), quotas=quotas)


def _planned(replicas: int, found: Inventory) -> PlanStatus:
    answer = plan(spec(replicas=replicas), found, CATALOG)
    assert isinstance(answer, PlanStatus), answer
    return answer


def _shape(answer: PlanStatus) -> dict[str, tuple[int, bool]]:
    return {placed.pool: (placed.replicas, placed.surge) for placed in answer.placements}


def test_no_more_than_the_quota_and_no_surge_beyond_it() -> None:
    assert _shape(_planned(2, _within(4, gpu_node("g")))) == {H100: (2, False)}
    assert _shape(_planned(2, _within(6, gpu_node("g")))) == {H100: (2, True)}


def test_what_the_quota_refuses_is_told_in_numbers() -> None:
    answer = plan(spec(replicas=3), _within(8, gpu_node("g"), used=6), CATALOG)
    assert isinstance(answer, PlanFailure)
    assert answer.reason == "NoFit"
    lacks = "ResourceQuota devices of namespace team-a leaves 2 of 8 nvidia.com/gpu; needs 6"
    words = f"per replica; 3 replicas wanted, room for 1: 8 of 8 devices are free there, and {lacks}."
    assert words in answer.message
    assert "Nearest that would fit: spec.replicas: 1" in answer.message
    assert (answer.rejected[0].reason, answer.rejected[0].number) == ("QuotaExceeded", lacks)
    assert answer.rejected_counts["QuotaExceeded"] == 1


def test_missing_devices_are_told_before_a_quota() -> None:
    answer = plan(spec(replicas=9), _within(4, gpu_node("g")), CATALOG)
    assert isinstance(answer, PlanFailure)
    assert answer.rejected_counts["NoRoom"] == 3


def test_another_resource_is_taken_where_the_quota_is_full() -> None:
    assert _shape(_planned(1, _within(1, gpu_node("g"), npu_node("n")))).keys() == {"ascend-910b3"}


def test_pools_that_share_a_resource_share_what_is_left() -> None:
    nodes = (gpu_node("a", "NVIDIA-H200", count=2), gpu_node("b", count=4))
    # Qwen3-32B takes two H100 and one H200: four replicas are on no pool alone.
    assert sum(count for count, _ in _shape(_planned(4, _within(6, *nodes))).values()) == 4
    answer = plan(spec(replicas=4), _within(5, *nodes), CATALOG)
    assert isinstance(answer, PlanFailure), "each pool alone has room for its part"
    assert "room for 3: 2 of 2 devices are free there, and ResourceQuota devices of" in answer.message
    assert "Nearest that would fit: spec.replicas: 3" in answer.message


def test_scaling_shares_the_quota_and_leaves_the_rest_to_wait() -> None:
    nodes = (gpu_node("a", "NVIDIA-H200", count=2), gpu_node("b", count=8))
    wide = inventory(nodes, (), CATALOG)
    four = plan(spec(replicas=6), wide, CATALOG)
    assert isinstance(four, PlanStatus)
    tight = _within(4, *nodes)
    assert not has_room(four, tight)
    scaled = _shape(with_replicas(four, 3, tight))
    assert sum(count for count, _ in scaled.values()) == 3
    assert scaled == {H200: (2, False), H100: (1, False)}
    assert has_room(with_replicas(four, 3, tight), tight)
    assert _shape(with_replicas(four, 5, tight)) == {H200: (4, False), H100: (1, False)}, "pods of two wait"


def test_surge_is_one_replica_more_of_all_placements_together() -> None:
    nodes = (gpu_node("a", "NVIDIA-H200", count=3), gpu_node("b", count=8))
    both = plan(spec(replicas=7), inventory(nodes, (), CATALOG), CATALOG)
    assert isinstance(both, PlanStatus)
    counts = {H200: 1, H100: 1}
    assert _shape(with_counts(both, counts, _within(3, *nodes))) == {H200: (1, False), H100: (1, False)}
    assert _shape(with_counts(both, counts, _within(4, *nodes))) == {H200: (1, True), H100: (1, False)}
    assert _shape(with_counts(both, counts, _within(5, *nodes))) == {H200: (1, True), H100: (1, True)}
