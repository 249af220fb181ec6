"""The simulated fleet, the best schedule, and the numbers that come of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_operator.scaling import Capacity, Policy, QueueOrder
from qwen3_operator.scaling.queue import Queue, Waiting, serve
from qwen3_operator.scaling.simulate import (
    STEP_SECONDS,
    Arrivals,
    Rates,
    Setting,
    bound,
    generated,
    report,
    run,
    scaler,
)
from qwen3_operator.scaling.simulate.scalers import Static
from tests.unit.scaling.given import GPU, INPUT, NPU, OUTPUT, SECONDS

POLICY = Policy(max_replicas=60, time_to_first_token=2.0)


def arriving(*levels: tuple[float, float]) -> Arrivals:
    """Even traffic: replicas that would be busy, and for how many minutes."""
    work = np.concatenate([np.full(round(minutes * 60 / STEP_SECONDS), level) for level, minutes in levels])
    requests = work * STEP_SECONDS / SECONDS
    return Arrivals(requests, requests * INPUT, requests * OUTPUT, np.ones(len(work), dtype=bool))


def setting(arrivals: Arrivals, *capacities: Capacity, policy: Policy = POLICY) -> Setting:
    return Setting(arrivals, capacities or (GPU,), policy)


SOME = st.floats(0.0, 100.0)


@pytest.mark.parametrize("order", QueueOrder)
@given(st.tuples(SOME, SOME, SOME), st.floats(0.5, 20.0), st.floats(0.5, 5.0))
def test_the_queue_of_one_fleet_is_that_of_the_shadows(
    order: QueueOrder, amounts: tuple[float, float, float], ready: float, wait: float
) -> None:
    on_time, late, work = amounts
    before = Queue(np.array([on_time]), np.array([late if order is QueueOrder.DEADLINE else 0.0]))
    many, share = serve(before, work, np.array([ready]), STEP_SECONDS, wait, order=order)
    one, lost = Waiting(on_time, float(before.late[0])).after(work, ready, STEP_SECONDS, wait, order=order)
    assert (one.on_time, one.late) == (many.on_time[0], many.late[0])
    assert lost == pytest.approx(share[0], abs=1e-6)


@pytest.mark.parametrize("order", QueueOrder)
@given(st.lists(st.tuples(SOME, st.floats(1.0, 20.0)), max_size=20))
def test_no_work_is_lost_or_found(order: QueueOrder, steps: list[tuple[float, float]]) -> None:
    queue, came, could = Waiting(0.0, 0.0), 0.0, 0.0
    for work, ready in steps:
        queue, share = queue.after(work, ready, STEP_SECONDS, 2.0, order=order)
        came, could = came + work, could + ready * STEP_SECONDS
        assert 0 <= share <= 1
        assert came - could - 1e-6 <= queue.on_time + queue.late <= came + 1e-6


def test_a_fleet_that_suffices_misses_nothing() -> None:
    even = setting(arriving((3.0, 60.0)))
    found = run(even, Static(even, 4))
    assert found.missed[24:].sum() == 0
    assert set(found.replicas[24:, 0]) == {4.0}


def test_one_that_does_not_misses_only_what_it_cannot_do() -> None:
    """Late requests yield: with an eighth too little, an eighth is late, and not everyone."""
    even = setting(arriving((8.0, 60.0)))
    found = run(even, Static(even, 7))
    late = found.missed[360:].sum() / even.arrivals.requests[360:].sum()
    assert late == pytest.approx(1 / 8, abs=0.01)


def test_in_order_of_arrival_a_shortfall_makes_everyone_late() -> None:
    even = setting(arriving((8.0, 60.0)), policy=replace(POLICY, queue=QueueOrder.FIFO))
    found = run(even, Static(even, 7))
    assert found.missed[360:].sum() == pytest.approx(even.arrivals.requests[360:].sum())


def test_the_rule_knows_the_order_of_the_queue() -> None:
    """In order of arrival the same traffic takes more replicas, and still few are late."""
    rng = np.random.default_rng(5)
    noisy = arriving(*((float(level), 2.0) for level in rng.gamma(4.0, 2.0, 120)))
    hours = {}
    for order in QueueOrder:
        asked = setting(noisy, policy=replace(POLICY, queue=order))
        told = report("adaptive", asked, run(asked, scaler("adaptive", asked)), bound(asked))
        hours[order] = told.replica_hours
        assert told.attainment > 0.95
    assert hours[QueueOrder.FIFO] > hours[QueueOrder.DEADLINE]


def test_whose_requests_are_late_is_told() -> None:
    even = arriving((8.0, 60.0), (3.0, 60.0))
    first = np.where(np.arange(len(even.requests)) < 720, even.requests, 0.0)
    tenants = np.array([first, even.requests - first], dtype=np.float32)
    asked = setting(replace(even, tenants=("early", "steady"), tenant_requests=tenants))
    told = report("static", asked, run(asked, Static(asked, 7)), bound(asked))
    assert told.worst_tenant == pytest.approx(7 / 8, abs=0.01)
    assert told.worst_tenant < told.attainment


def test_starts_of_pods_that_hardly_served_are_counted() -> None:
    burst = setting(arriving((1.0, 30.0), (12.0, 1.0), (1.0, 60.0)))
    told = report("adaptive", burst, run(burst, scaler("adaptive", burst)), bound(burst))
    assert 0 < told.wasted_starts <= told.starts


def test_the_schedule_of_the_best_misses_nothing_when_it_is_run() -> None:
    rng = np.random.default_rng(6)
    noisy = setting(arriving(*((float(level), 1.0) for level in rng.gamma(2.0, 3.0, 200))))
    assert bound(noisy).missed == pytest.approx(0.0, abs=1e-6)


def test_pods_serve_after_a_start_up_and_are_paid_for_from_the_decision() -> None:
    rising = setting(arriving((1.0, 10.0), (10.0, 20.0)))
    found = run(rising, scaler("adaptive", rising))
    paid = int(np.flatnonzero(found.replicas[:, 0] >= 10)[0])
    ready = int(np.flatnonzero(found.ready >= 10)[0])
    assert (ready - paid) * STEP_SECONDS == GPU.startup_seconds


def test_up_and_down_again() -> None:
    ramp = [(float(level), 1.0) for level in np.linspace(1, 12, 60)]
    wave = setting(arriving((1.0, 60.0), *ramp, (12.0, 30.0), *reversed(ramp), (1.0, 90.0)))
    found = run(wave, scaler("adaptive", wave))
    assert found.ready[1790] >= 12
    assert found.replicas[-1, 0] <= 2
    assert found.missed.sum() < 1e-4 * wave.arrivals.requests.sum()


def test_steps_that_no_start_is_quick_enough_for_are_kept_ready_for() -> None:
    """One hour at 12 times the work, unannounced: to serve 99 % of that takes replicas that stand by."""
    wave = setting(arriving((1.0, 60.0), (12.0, 60.0), (1.0, 60.0), (12.0, 60.0)))
    found = run(wave, scaler("adaptive", wave))
    first, second = found.missed[:1440].sum(), found.missed[1440:].sum()
    assert first > 0
    assert second < first / 10


@settings(max_examples=12)
@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(1.0, 30.0)), min_size=1, max_size=6))
def test_nobody_beats_the_best_without_missing(levels: list[tuple[float, float]]) -> None:
    asked = setting(arriving((1.0, 1.0), *levels))
    best = bound(asked)
    assert best.work <= best.clairvoyant + 1e-6
    assert best.clairvoyant99 <= best.clairvoyant + 1e-6
    peak = math.ceil(max(level for level, _ in levels)) or 1
    static = report("static", asked, run(asked, Static(asked, peak)), best)
    begin = peak * asked.arrivals.hours
    assert best.clairvoyant <= begin + peak * GPU.startup_seconds / 3600 + 1e-6
    assert static.replica_hours <= begin + peak * GPU.startup_seconds / 3600 + 1e-6


def test_the_best_keeps_a_replica_through_a_gap_shorter_than_a_start() -> None:
    short = bound(setting(arriving((3.0, 10.0), (1.0, 0.5), (3.0, 10.0))))
    long = bound(setting(arriving((3.0, 10.0), (1.0, 10.0), (3.0, 10.0))))
    assert short.clairvoyant == pytest.approx(3 * 20.5 / 60, abs=0.05)
    assert long.clairvoyant == pytest.approx((3 * 20 + 10) / 60 + 2 * GPU.startup_seconds / 3600, abs=0.05)


def test_the_cheaper_placement_fills_first_and_the_cost_is_what_each_costs() -> None:
    few = replace(GPU, available=2)
    asked = setting(arriving((4.0, 120.0)), few, NPU)
    found = run(asked, scaler("adaptive", asked))
    assert found.replicas[-1, 0] == 2
    assert 4 <= found.replicas[-1, 1] <= 10
    told = report("adaptive", asked, found, bound(asked))
    hours = found.replicas.sum(axis=0) * STEP_SECONDS / 3600
    assert told.cost == pytest.approx(2 * few.price_per_hour * 2 + hours[1] * NPU.price_per_hour)


def test_a_hole_in_the_trace_holds_the_fleet() -> None:
    even = arriving((6.0, 60.0), (0.0, 60.0), (6.0, 60.0))
    known = even.known.copy()
    known[720:1440] = False
    asked = setting(replace(even, known=known))
    found = run(asked, scaler("adaptive", asked))
    assert len(set(found.replicas[724:1440, 0])) == 1
    assert found.missed[1440:].sum() == 0


@pytest.mark.parametrize("name", ["hpa-work", "hpa-utilization"])
def test_the_hpa_holds_its_target(name: str) -> None:
    """Ceiling of ready replicas times utilisation over 0.7: 7 at 4.9, and a tenth more or less is none."""
    even = setting(arriving((4.9, 60.0)))
    found = run(even, scaler(name, even))
    assert set(found.replicas[-100:, 0]) == {7.0}


def test_a_static_fleet_is_the_smallest_that_serves_nearly_all() -> None:
    even = setting(arriving((7.5, 300.0)))
    assert set(run(even, scaler("static-peak", even)).replicas[-10:, 0]) == {8.0}


def rates(per_second: float, variation: float, windows: int = 200, *, weibull: bool = False) -> Rates:
    flat = np.ones((1, windows))
    tokens = 100.0 * flat, 10.0 * flat
    return Rates(600.0, ("a",), per_second * flat, variation * flat, flat * weibull > 0, *tokens, flat[0] > 0)


def test_arrivals_of_a_busy_client_have_the_rates_and_the_dispersion_asked_for() -> None:
    asked = rates(4.0, 5.0**0.5)
    found = generated(asked, 1.0, seed=3)
    assert found.requests.mean() == pytest.approx(20.0, rel=0.02)
    assert found.requests.var() / found.requests.mean() == pytest.approx(5.0, rel=0.05)
    assert found.input_tokens.sum() / found.requests.sum() == pytest.approx(100.0, rel=0.02)
    half = generated(asked, 0.5, seed=3).requests
    assert half.var() / half.mean() == pytest.approx(3.0, rel=0.05)
    assert np.array_equal(generated(asked, 1.0, seed=3).requests, found.requests)


@pytest.mark.parametrize("weibull", [False, True])
def test_bursts_of_a_busy_client_take_as_long_as_its_gaps(*, weibull: bool) -> None:
    """Counts of seconds do not vary yet as those of minutes, whose dispersion is the squared variation of gaps."""
    per_second, variation, seconds = 11.0, 5.0, 60 * 600
    found = generated(rates(per_second, variation, windows=60, weibull=weibull), 1.0, seed=3).requests
    random = np.random.default_rng(4)
    size = int(1.5 * per_second * seconds)
    if weibull:
        shape = 0.31134  # which has that variation
        gaps = random.weibull(shape, size) / math.gamma(1 + 1 / shape)
    else:
        gaps = random.gamma(1 / variation**2, variation**2, size)
    times = gaps.cumsum() / per_second
    wanted = np.bincount((times[times < seconds] // 5).astype(int), minlength=len(found))
    assert found.var() / found.mean() == pytest.approx(wanted.var() / wanted.mean(), rel=0.1)


@pytest.mark.parametrize("weibull", [False, True])
@pytest.mark.parametrize(("variation", "factor"), [(1.0, 1.0), (3.0, 0.5), (3.0, 2.0)])
def test_arrivals_of_a_quiet_client_come_in_gaps_of_its_own(variation: float, factor: float, *, weibull: bool) -> None:
    """Over an hour the counts of a renewal process vary by the square of its gaps' variation, a sample's by less."""
    found = generated(rates(0.5, variation, windows=1500, weibull=weibull), factor, seed=3).requests
    assert found.sum() == pytest.approx(0.5 * factor * 9e5, rel=0.05)
    hours = found.reshape(-1, 720).sum(axis=1)
    dispersion = 1 + (variation**2 - 1) * min(1.0, factor)
    assert hours.var() / hours.mean() == pytest.approx(dispersion, rel=0.35)


def test_windows_that_are_not_known_are_holes() -> None:
    asked = rates(4.0, 2.0, windows=3)
    found = generated(replace(asked, known=np.array([True, False, True])), 1.0, seed=3)
    assert found.requests[120:240].sum() == 0
    assert not found.known[120:240].any()
    assert found.known[:120].all()


def test_an_answer_is_work_for_as_long_as_it_takes() -> None:
    found = Arrivals.of(np.array([0.0, 17.0]), np.array([100.0, 100.0]), np.array([60.0, 30.0])).answered(15.0)
    assert found.output_tokens.tolist() == [20.0, 20.0, 20.0, 10.0]
    assert found.input_tokens.tolist() == [100.0, 0.0, 0.0, 100.0]
    assert Arrivals.of(np.zeros(1), np.ones(1), np.ones(1)).answered(0.0).output_tokens.tolist() == [1.0, 0.0]


def test_requests_land_in_their_steps_whenever_the_trace_begins() -> None:
    times = np.array([1007.0, 1000.0, 1011.0, 1004.9])
    found = Arrivals.of(times, np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4))
    assert found.requests.tolist() == [2.0, 1.0, 1.0, 0.0]
    assert found.input_tokens.tolist() == [6.0, 1.0, 3.0, 0.0]
