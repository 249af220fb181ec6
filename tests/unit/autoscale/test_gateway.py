"""Work that the gateway holds back from full pods is seen, once, and by whose it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qwen3_operator.autoscale.fleet import fleet, scraped
from qwen3_operator.autoscale.observe import Expected, Found, Totals, observe
from qwen3_operator.autoscale.samples import QUERIES, GatewaySample, Lengths, PodSample, Samples, samples
from qwen3_operator.scaling import PERIOD_SECONDS, Seen
from tests.unit.autoscale.given import PLACE, POOL, START, Deployment, pod

EXPECTED = Expected(1000.0, 100.0, 95, 2.0)
ONE = fleet({POOL: 1}, [pod("a")], START)
FRONTS = frozenset({"front-0", "front-1"})


def look(
    found: Samples | None, before: Totals, now: float, gateways: frozenset[str] | None = FRONTS, **more: Any
) -> Found:
    return observe(PLACE, more.get("view", ONE), found, before, expected=EXPECTED, gateways=gateways, now=now)


def of(sample: PodSample | None, *fronts: GatewaySample | None, lengths: Lengths | None = None) -> Samples:
    """One pod and the gateway's, as far as they were read."""
    seen = {f"front-{number}": front for number, front in enumerate(fronts) if front is not None}
    return Samples(
        pods={} if sample is None else {(PLACE[0], "a"): sample},
        gateways={PLACE: seen},
        lengths={} if lengths is None else {PLACE: lengths},
    )


def asked(requests: float, missed: float = 0.0, waiting: float = 0.0, waiting_tokens: float = 0.0) -> GatewaySample:
    """Bodies of a hundred bytes."""
    return GatewaySample(requests, 100 * requests, missed, waiting, waiting_tokens)


def passed(requests: float, direct: float = 0.0) -> PodSample:
    """A pod's counters; ``direct`` of them came past the gateway."""
    return PodSample(requests, 100 * requests, direct=direct, direct_bytes=100 * direct)


BEGIN = look(of(passed(10, 2), asked(5), asked(3)), Totals(), START).totals


def requests(found: Samples, before: Totals = BEGIN, gateways: frozenset[str] | None = FRONTS) -> float:
    return look(found, before, START + 10, gateways).totals.counters.requests - before.counters.requests


def test_pods_alone_see_what_they_could_take_and_the_gateway_what_was_asked() -> None:
    """The gateway got 200 requests, its caps let 40 through."""
    found = of(passed(50, 2), asked(105), asked(103))
    assert requests(found, gateways=None) == 40, "what the autoscaler saw before it read the gateway"
    assert requests(found) == 200
    tokens = look(found, BEGIN, START + 10).totals.counters
    assert (tokens.input_tokens, tokens.output_tokens) == (200_000, 20_000)


def test_what_came_past_the_gateway_is_added_and_nothing_counts_twice() -> None:
    """30 through the gateway, 12 straight to the pod, which has all 42; a retry makes them 43."""
    assert requests(of(passed(52, 14), asked(20), asked(18))) == 42
    assert requests(of(passed(53, 14), asked(20), asked(18))) == 42


def test_their_bytes_count_by_what_engines_make_of_them() -> None:
    lengths = Lengths(
        prompt=4000, cached=3000, generated=600, finished=20, arrived_bytes=10_000, asked=9, asked_prompt=9
    )
    counters = look(of(passed(10, 2), asked(15), asked(3), lengths=lengths), BEGIN, START + 10).totals.counters
    assert (counters.input_tokens, counters.output_tokens) == (100, 300)


def test_before_engines_tell_the_gateways_expectation_counts() -> None:
    lengths = Lengths(asked=10, asked_prompt=4000, asked_output=500)
    counters = look(of(passed(10, 2), asked(15), asked(3), lengths=lengths), BEGIN, START + 10).totals.counters
    assert (counters.input_tokens, counters.output_tokens) == (4000, 500)


@pytest.mark.parametrize(
    "found",
    [of(passed(50, 2)), of(passed(50, 2), asked(105))],
    ids=["missing", "one of two"],
)
def test_a_gateway_that_is_not_wholly_seen_leaves_the_pods_and_is_told(found: Samples) -> None:
    seen = look(found, BEGIN, START + 10)
    assert seen.totals.counters.requests == 40
    assert seen.observation.is_gateway_missing
    back = look(of(passed(60, 2), asked(505), asked(503)), seen.totals, START + 20)
    assert back.totals.counters.requests == 50, "what it counted out of sight did not come now"
    assert not back.observation.is_gateway_missing
    after = look(of(passed(70, 2), asked(535), asked(503)), back.totals, START + 30)
    assert after.totals.counters.requests == 80


def test_a_gateway_that_has_just_become_ready_may_be_missing() -> None:
    ready = {"front-0": START - 600, "front-1": START - 5}
    expected = scraped(ready, START + 10)
    assert expected == {"front-0"}
    assert requests(of(passed(10, 2), asked(25)), gateways=expected) == 20
    assert scraped(ready, START + 30) == FRONTS


def test_a_restart_of_one_replica_counts_from_zero_and_takes_nothing_away() -> None:
    assert requests(of(passed(20, 2), asked(4), asked(13))) == 14


def test_a_replica_that_takes_anothers_place_costs_one_look_at_the_pods() -> None:
    fresh = replace(of(passed(20, 2)), gateways={PLACE: {"front-1": asked(13), "front-2": asked(4)}})
    names = frozenset({"front-1", "front-2"})
    first = look(fresh, BEGIN, START + 10, names)
    assert (first.totals.counters.requests, first.observation.is_gateway_missing) == (10, False)
    later = replace(of(passed(20, 2)), gateways={PLACE: {"front-1": asked(23), "front-2": asked(14)}})
    assert look(later, first.totals, START + 20, names).totals.counters.requests == 30


def test_what_came_during_an_outage_is_no_rush() -> None:
    lost = look(None, BEGIN, START + 10)
    assert not lost.observation.is_gateway_missing, "Prometheus itself is"
    assert look(of(passed(900), asked(900), asked(900)), lost.totals, START + 20).totals.counters.requests == 0
    assert look(of(passed(900), asked(900), asked(900)), BEGIN, START + 40).totals.counters.requests == 0


def test_what_waits_there_waits_by_its_work_and_is_never_quiet() -> None:
    still = of(passed(10, 2), asked(5), asked(3))
    assert look(still, BEGIN, START + 10).is_quiet
    held = of(passed(10, 2), asked(5, waiting=2, waiting_tokens=6000), asked(3, waiting=1, waiting_tokens=3000))
    found = look(held, BEGIN, START + 10)
    assert found.observation.waiting == 3
    assert not found.is_quiet
    usual = Lengths(asked=10, asked_prompt=14_000, asked_output=1_000)
    assert look(replace(held, lengths={PLACE: usual}), BEGIN, START + 10).observation.waiting == 6


def test_misses_are_the_gateways_and_those_of_direct_requests() -> None:
    buckets = ((2.0, 6.0), (float("inf"), 10.0))
    found = replace(of(passed(50, 12), asked(40, missed=7), asked(3, missed=4)), first_token={PLACE: buckets})
    assert look(found, BEGIN, START + 10).totals.counters.late == pytest.approx(11 + 40 * 10 / 40)
    alone = look(found, BEGIN, START + 10, None)
    assert alone.totals.counters.late == 40


def test_work_is_known_while_the_first_pod_starts() -> None:
    starting = fleet({POOL: 1}, [pod("a", ready_at=None)], START)
    before = look(of(None, asked(5), asked(3)), Totals(), START, view=starting).totals
    found = look(of(None, asked(25), asked(3)), before, START + 10, view=starting)
    assert found.totals.counters.requests == 20
    assert not found.is_quiet
    blind = look(of(None, asked(25), asked(3)), before, START + 10)
    assert blind.observation.counters is None, "a pod serves and Prometheus has never seen it"


def test_a_deployment_that_the_gateway_does_not_route_to_takes_nothing_of_it() -> None:
    found = look(of(passed(20, 2), asked(900), asked(900, waiting=5)), BEGIN, START + 10, None)
    assert (found.totals.counters.requests, found.observation.waiting) == (10, 0)
    assert not found.observation.is_gateway_missing


def _series(name: str, value: str, **labels: str) -> dict[str, Any]:
    return {"metric": {"__name__": f"qwen3_gateway_{name}", **labels}, "value": [0, value]}


def _of_route(namespace: str, values: dict[str, str]) -> list[dict[str, Any]]:
    route = {"pod": "front-0", "namespace": "qwen3-system", "deployment_namespace": namespace, "deployment": "chat"}
    return [_series(name, value, **route) for name, value in values.items()]


VALUES = {
    "requests_arrived_total": "7",
    "request_bytes_arrived_total": "700",
    "first_token_missed_total": "1",
    "waiting_requests": "2",
    "waiting_tokens": "90",
}


def test_namesakes_in_two_namespaces_are_two() -> None:
    answers = {name: list[dict[str, Any]]() for name in QUERIES}
    answers["gateways"] = _of_route("team-a", VALUES) + _of_route("team-b", VALUES | {"waiting_tokens": "NaN"})
    asked_of_b = _of_route("team-b", {"": "9"})[0]
    asked_of_b["metric"]["quantity"] = "asked"
    answers["lengths"] = [asked_of_b]
    found = samples(answers)
    assert found.gateways == {("team-a", "chat"): {"front-0": GatewaySample(7, 700, 1, 2, 90)}}, "half is none"
    assert found.lengths == {("team-b", "chat"): Lengths(asked=9)}


def test_what_came_past_the_gateway_is_read_apart() -> None:
    answers = {name: list[dict[str, Any]]() for name in QUERIES}
    where = {"namespace": "team-a", "pod": "a"}
    answers["pods"] = [
        {"metric": {"__name__": f"qwen3_runtime_{name}", **where, **labels}, "value": [0, value]}
        for name, labels, value in (
            ("requests_in_flight", {}, "1"),
            ("requests_arrived_total", {"via": "gateway"}, "7"),
            ("requests_arrived_total", {"via": "direct"}, "2"),
            ("request_bytes_arrived_total", {"via": "direct"}, "200"),
            ("request_bytes_arrived_total", {"via": "gateway"}, "700"),
        )
    ]
    assert samples(answers).pods == {("team-a", "a"): PodSample(9, 900, 1, direct=2, direct_bytes=200)}


def test_a_round_is_few_queries_and_none_names_a_deployment() -> None:
    assert len(QUERIES) == 5
    assert not any("chat" in query or '=~"team' in query for query in QUERIES.values())


def _looks_until(replicas: int, *, routed: bool) -> int:
    """After a rise of the work from one to eight replicas, where pods get no more than they can do."""
    chat = Deployment()
    chat.run(0.9, 60)
    total, reached, waiting = chat.arrived, chat.arrived, 0.0
    for number in range(1, 200):
        chat.now += PERIOD_SECONDS
        total += 8 * PERIOD_SECONDS * 2
        reached += min(total - reached, chat.replicas * PERIOD_SECONDS * 2)
        chat.arrived, waiting = reached, total - reached
        gateway = {PLACE: {"front-0": asked(total, waiting=waiting)}}
        found = replace(chat.samples(in_flight=chat.replicas), gateways=gateway)
        chat.look(found, gateways=frozenset({"front-0"}) if routed else None)
        if chat.replicas >= replicas:
            return number
    return 200


def test_a_fleet_behind_the_gateway_follows_what_is_asked_of_it() -> None:
    assert _looks_until(8, routed=True) <= 3
    assert _looks_until(8, routed=False) > 6


def test_the_state_is_shown() -> None:
    chat = Deployment()
    chat.run(0.9, 3)
    chat.now += PERIOD_SECONDS
    outcome = chat.look(chat.samples(), gateways=frozenset({"front-0"}))
    assert Seen.NO_GATEWAY in outcome.decision.seen
