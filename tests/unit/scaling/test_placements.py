"""Which placement gets replicas, and which loses them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwen3_operator.scaling import Capacity, Fleet, Policy, Stop
from qwen3_operator.scaling.placements import Places
from tests.unit.scaling.given import GPU, NPU

SIZES = {"gpu": 1.0, "npu": 0.5}
MANY = Policy(max_replicas=100)


def _places(gpu: Fleet, npu: Fleet, *, gpus: int = 100, npus: int = 100) -> Places:
    capacities: list[Capacity] = [replace(NPU, available=npus), replace(GPU, available=gpus)]
    return Places.of(capacities, [gpu, npu], SIZES)


def _granted(
    places: Places, wanted: float, policy: Policy = MANY, arriving: float = 0.0
) -> tuple[dict[str, int], set[Stop]]:
    return places.granted(wanted, wanted, arriving, policy, lower=True)


@pytest.mark.parametrize(
    ("wanted", "gpus", "npus", "granted", "stopped"),
    [
        (4.0, 100, 100, {"gpu": 4, "npu": 0}, set()),
        (4.2, 100, 100, {"gpu": 5, "npu": 0}, set()),
        (4.0, 3, 100, {"gpu": 3, "npu": 2}, set()),
        (4.0, 3, 1, {"gpu": 3, "npu": 1}, {Stop.NO_ROOM}),
        (500.0, 100, 100, {"gpu": 100, "npu": 0}, {Stop.MAX_REPLICAS}),
    ],
    ids=["cheapest", "whole", "overflow", "partial", "bound"],
)
def test_up(wanted: float, gpus: int, npus: int, granted: dict[str, int], stopped: set[Stop]) -> None:
    places = _places(Fleet("gpu", 1), Fleet("npu", 0), gpus=gpus, npus=npus)
    assert _granted(places, wanted) == (granted, stopped)


def test_the_price_of_work_counts_and_not_that_of_a_replica() -> None:
    assert NPU.price_per_hour < GPU.price_per_hour
    assert [place.capacity.placement for place in _places(Fleet("gpu", 0), Fleet("npu", 0)).ordered] == ["gpu", "npu"]


def test_the_dearest_goes_first() -> None:
    counts, stopped = _granted(_places(Fleet("gpu", 4), Fleet("npu", 4)), 3.0)
    assert (counts, stopped) == ({"gpu": 4, "npu": 0}, set())


def test_a_ready_replica_stays_until_the_rest_can_carry() -> None:
    starting = _places(Fleet("gpu", 0, pending=6), Fleet("npu", 8))
    counts, stopped = _granted(starting, 3.0, arriving=3.0)
    assert counts == {"gpu": 6, "npu": 6}
    assert stopped == {Stop.REST_CANNOT_CARRY}


def test_fewer_are_never_granted_where_that_is_forbidden() -> None:
    counts, _ = _places(Fleet("gpu", 4), Fleet("npu", 4)).granted(1.0, 1.0, 0.0, MANY, lower=False)
    assert counts == {"gpu": 4, "npu": 4}


def test_a_lower_bound_without_room_is_told() -> None:
    places = _places(Fleet("gpu", 1), Fleet("npu", 0), gpus=1, npus=0)
    assert _granted(places, 1.0, Policy(max_replicas=9, min_replicas=3)) == ({"gpu": 1, "npu": 0}, {Stop.NO_ROOM})


def test_a_lowered_maximum_is_kept_at_once() -> None:
    counts, _ = _granted(_places(Fleet("gpu", 6), Fleet("npu", 4)), 8.0, Policy(max_replicas=5))
    assert counts == {"gpu": 5, "npu": 0}


@pytest.mark.parametrize(("fewest", "most"), [(0, 5), (3, 2)])
def test_bounds_that_cannot_be_kept_are_refused(fewest: int, most: int) -> None:
    with pytest.raises(ValueError, match="minReplicas"):
        Policy(max_replicas=most, min_replicas=fewest)


@pytest.mark.parametrize("field", ["input_tokens_per_second", "output_tokens_per_second", "price_per_hour"])
def test_a_capacity_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="gpu"):
        replace(GPU, **{field: 0.0})  # type: ignore[arg-type]
