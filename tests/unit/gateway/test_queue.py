from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_runtime.gateway.queue import TENANT_WAITING_LIMIT, FairQueue, Waiting, order

ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 2),
        st.sampled_from([1.0, 3.0]),
        st.integers(1, 5000),
        st.one_of(st.just(math.inf), st.floats(0, 10)),
    ),
    max_size=40,
)


def fill(queue: FairQueue, arrivals: list[tuple[str, int, float, int, float]]) -> list[Waiting]:
    return [queue.push(t, level=lv, weight=w, work=work, start_by=by) for t, lv, w, work, by in arrivals]


@settings(max_examples=200)
@given(ARRIVALS, st.lists(st.floats(0, 12), min_size=40, max_size=40), st.sets(st.integers(0, 39)))
def test_serves_in_the_stated_order_whatever_happens_between(
    arrivals: list[tuple[str, int, float, int, float]], times: list[float], leaving: set[int]
) -> None:
    queue = FairQueue()
    waiting = fill(queue, arrivals)
    for index in leaving:
        if index < len(waiting):
            queue.remove(waiting[index])
    left = [one for index, one in enumerate(waiting) if index not in leaving]
    for now in sorted(times):
        assert len(queue) == len(left)
        assert math.isclose(queue.work, sum(one.work for one in left), abs_tol=1e-6)
        served = queue.pop(now)
        if not left:
            assert served is None
            return
        assert served == order(left, now)[0]
        left.remove(served)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 1000), min_size=60, max_size=60), st.sampled_from([1.0, 2.0, 5.0]))
def test_tenants_share_by_weight_while_both_wait(works: list[int], weight: float) -> None:
    queue = FairQueue()
    for work in works[:30]:
        queue.push("light", level=0, weight=1, work=work, start_by=math.inf)
    for work in works[30:]:
        queue.push("heavy", level=0, weight=weight, work=work, start_by=math.inf)
    served = {"light": 0.0, "heavy": 0.0}
    counts = {"light": 30, "heavy": 30}
    while all(counts.values()):
        one = queue.pop(0)
        assert one is not None
        served[one.tenant] += one.work
        counts[one.tenant] -= 1
        # Start-time fair queueing: never further apart than one largest request of each.
        assert abs(served["light"] - served["heavy"] / weight) <= 2 * max(works)


def test_a_burst_does_not_push_back_who_asks_for_little() -> None:
    queue = FairQueue()
    for _ in range(100):
        queue.push("burst", level=0, weight=1, work=100, start_by=math.inf)
    assert queue.pop(0) is not None
    queue.push("little", level=0, weight=1, work=100, start_by=math.inf)
    ahead = 0
    while (one := queue.pop(0)) is not None and one.tenant != "little":
        ahead += 1
    assert ahead <= 2


def test_who_can_still_be_in_time_goes_before_who_is_late_and_level_before_both() -> None:
    queue = FairQueue()
    late = queue.push("a", level=0, weight=1, work=1, start_by=1)
    timely = queue.push("a", level=0, weight=1, work=1, start_by=9)
    high = queue.push("b", level=1, weight=1, work=1, start_by=0)
    assert [queue.pop(5) for _ in range(4)] == [high, timely, late, None]


def test_a_tenants_burst_cannot_fill_the_queue() -> None:
    queue = FairQueue()
    for _ in range(TENANT_WAITING_LIMIT):
        assert queue.admits("a")
        queue.push("a", level=0, weight=1, work=1, start_by=math.inf)
    assert (queue.admits("a"), queue.admits("b")) == (False, True)


def test_running_work_counts_too() -> None:
    queue = FairQueue()
    for _ in range(10):
        queue.pass_by("busy", weight=1, work=1000)
    busy = queue.push("busy", level=0, weight=1, work=1, start_by=math.inf)
    fresh = queue.push("fresh", level=0, weight=1, work=1, start_by=math.inf)
    assert [queue.pop(0), queue.pop(0)] == [fresh, busy]
