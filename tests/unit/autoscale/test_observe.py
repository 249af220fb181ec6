"""From answers of Prometheus to an observation: what is missing stays missing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from qwen3_operator.autoscale.fleet import emptiest_first, fleet
from qwen3_operator.autoscale.observe import Expected, Found, Totals, observe, quantile
from qwen3_operator.autoscale.samples import QUERIES, Lengths, PodSample, Samples, samples
from qwen3_operator.manifests.groups import INDEX_LABEL
from tests.unit.autoscale.given import PLACE, POOL, START, pod

EXPECTED = Expected(1000.0, 100.0, 95, 2.0)
TWO = fleet({POOL: 2}, [pod("a"), pod("b")], START)
EMPTY: dict[str, list[dict[str, Any]]] = {name: [] for name in QUERIES}


def look(found: Samples | None, before: Totals, now: float, view: Any = TWO) -> Found:
    return observe(PLACE, view, found, before, expected=EXPECTED, gateways=None, now=now)


def of(first: PodSample | None, second: PodSample | None, lengths: Lengths | None = None) -> Samples:
    pods = {(PLACE[0], name): sample for name, sample in (("a", first), ("b", second)) if sample is not None}
    return Samples(pods=pods, lengths={PLACE: lengths} if lengths else {})


BEGIN = look(of(PodSample(5, 500), PodSample(7, 700)), Totals(), START).totals


def test_what_pods_counted_before_the_first_look_is_not_of_now() -> None:
    assert BEGIN.counters.requests == 0


def test_arrivals_of_all_pods_are_added_up() -> None:
    counters = look(of(PodSample(8, 800), PodSample(9, 900)), BEGIN, START + 10).totals.counters
    assert (counters.requests, counters.input_tokens, counters.output_tokens) == (5, 5000, 500)


def test_prompts_count_by_their_bytes_less_what_was_cached() -> None:
    lengths = Lengths(prompt=4000, cached=3000, generated=600, finished=20, arrived_bytes=10_000)
    counters = look(of(PodSample(6, 900), PodSample(7, 700), lengths), BEGIN, START + 10).totals.counters
    assert (counters.input_tokens, counters.output_tokens) == (40, 30)


def test_longer_prompts_are_more_work_at_the_same_rate() -> None:
    lengths = Lengths(prompt=4000, generated=600, finished=20, arrived_bytes=10_000)
    short = look(of(PodSample(6, 600), PodSample(7, 700), lengths), BEGIN, START + 10).totals.counters
    long = look(of(PodSample(6, 8500), PodSample(7, 700), lengths), BEGIN, START + 10).totals.counters
    assert long.requests == short.requests
    assert long.input_tokens == 80 * short.input_tokens


def test_a_pod_that_restarts_or_is_new_counts_from_zero_and_one_that_goes_takes_nothing_away() -> None:
    restarted = look(of(PodSample(2, 200), PodSample(7, 700)), BEGIN, START + 10)
    assert restarted.totals.counters.requests == 2
    busier = look(of(PodSample(6, 200), PodSample(7, 700)), BEGIN, START + 10)
    assert busier.totals.counters.requests == 6, "more requests than before, and fewer bytes: it began anew, too"
    alone = fleet({POOL: 1}, [pod("c")], START)
    replaced = observe(
        PLACE,
        alone,
        Samples({(PLACE[0], "c"): PodSample(3, 300)}),
        BEGIN,
        expected=EXPECTED,
        gateways=None,
        now=START + 10,
    )
    assert replaced.totals.counters.requests == 3
    assert set(replaced.totals.pods) == {"c"}


def test_no_answers_are_no_counters_and_what_came_meanwhile_is_no_rate() -> None:
    lost = look(None, BEGIN, START + 10)
    assert lost.observation.counters is None
    assert not lost.is_quiet
    back = look(of(PodSample(500, 5), PodSample(7, 700)), lost.totals, START + 20)
    assert back.observation.counters is not None
    assert back.observation.counters.requests == 0


def test_a_gap_of_more_than_half_a_minute_is_no_rate() -> None:
    late = look(of(PodSample(500, 5), PodSample(700, 7)), BEGIN, START + 40)
    assert late.totals.counters.requests == 0


def test_a_pod_that_serves_and_is_missing_is_told() -> None:
    found = look(of(PodSample(5, 500), None), BEGIN, START + 10)
    assert found.observation.unscraped == 1
    assert found.in_flight is None
    assert not found.is_quiet, "nobody knows what the other has"
    nothing = look(Samples(), BEGIN, START + 10)
    assert nothing.observation.counters is None


def test_a_pod_that_has_just_become_ready_may_be_missing() -> None:
    young = fleet({POOL: 2}, [pod("a"), pod("b", ready_at=START - 5)], START)
    assert look(of(PodSample(5, 500), None), BEGIN, START + 10, young).observation.unscraped == 0


def test_a_start_up_is_measured_where_nothing_failed_on_the_way() -> None:
    assert fleet({POOL: 1}, [pod("a")], START).startup == {POOL: 20.0}
    assert fleet({POOL: 1}, [pod("a", restarts=1)], START).startup == {}
    assert fleet({POOL: 1}, [pod("a", ready_at=None)], START).startup == {}


def test_quiet_is_known_or_it_is_not() -> None:
    still = of(PodSample(5, 500), PodSample(7, 700))
    assert look(still, BEGIN, START + 10).is_quiet
    assert not look(still, Totals(), START + 10).is_quiet, "first look"
    busy = of(PodSample(5, 500, in_flight=1), PodSample(7, 700))
    assert not look(busy, BEGIN, START + 10).is_quiet


def test_late_requests_are_those_above_the_target() -> None:
    buckets = ((1.0, 4.0), (2.0, 6.0), (5.0, 9.0), (math.inf, 10.0))
    found = replace(of(PodSample(5, 500), PodSample(7, 700)), first_token={PLACE: buckets})
    seen = look(found, BEGIN, START + 10)
    assert seen.totals.counters.late == 40
    assert seen.observation.time_to_first_token == 5.0


@pytest.mark.parametrize(
    ("buckets", "share", "value"),
    [
        ((), 0.5, None),
        (((1.0, 0.0), (math.inf, 0.0)), 0.5, None),
        (((1.0, 10.0), (math.inf, 10.0)), 0.5, 0.5),
        (((1.0, 5.0), (3.0, 10.0), (math.inf, 10.0)), 0.75, 2.0),
        (((1.0, 5.0), (math.inf, 10.0)), 0.9, 1.0),
    ],
)
def test_quantile_is_prometheus(buckets: Any, share: float, value: float | None) -> None:
    assert quantile(buckets, share) == value


def vector(name: str, value: str, **labels: str) -> dict[str, Any]:
    return {"metric": {"__name__": name, "namespace": "team-a", **labels}, "value": [0, value]}


def test_reads_what_prometheus_answers() -> None:
    answers = EMPTY | {
        "pods": [
            vector("qwen3_runtime_requests_in_flight", "2", pod="a"),
            vector("qwen3_runtime_requests_arrived_total", "7", pod="a"),
            vector("qwen3_engine_requests_waiting", "NaN", pod="a"),
            vector("qwen3_runtime_requests_arrived_total", "9", pod="not-scraped-now"),
        ],
        "first_token": [
            vector("", "3", serving_qwen3_io_deployment="chat", le="+Inf"),
            vector("", "2", serving_qwen3_io_deployment="chat", le="0.5"),
        ],
        "lengths": [vector("", "4", serving_qwen3_io_deployment="chat", quantity="finished")],
    }
    found = samples(answers)
    assert found.pods == {("team-a", "a"): PodSample(arrived=7, in_flight=2)}
    assert found.first_token == {PLACE: ((0.5, 2.0), (math.inf, 3.0))}
    assert found.lengths == {PLACE: Lengths(finished=4)}


def test_a_group_of_pods_counts_once_and_is_not_marked() -> None:
    members = [pod("a"), pod("a-1"), pod("b", draining=True), pod("b-1", draining=True)]
    for member, rank in zip(members, "0101", strict=True):
        member["metadata"]["labels"][INDEX_LABEL] = rank
    found = fleet({POOL: 1}, members, START)
    assert (found.fleets[0].ready, found.fleets[0].draining) == (1, 1)
    assert emptiest_first(members, {"a": 3.0}) == {}
    assert emptiest_first([pod("a"), pod("b")], {"a": 3.0}) == {"a": 3, "b": 0}
