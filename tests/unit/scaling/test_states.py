"""States that look alike and must not be taken for each other."""

from __future__ import annotations

import math
from typing import Any

import pytest

from qwen3_operator.scaling import Counters, Fleet, Rule, Seen, Stop
from tests.unit.scaling.given import Deployment

NO_NUMBERS = Counters(math.nan, math.nan, math.nan, math.nan)


def _warm() -> Deployment:
    known = Deployment(replicas=6)
    known.run(4.0, 30)
    return known


@pytest.mark.parametrize(
    ("work", "changes", "seen", "rule"),
    [
        (4.0, {}, (), Rule.HEADROOM),
        (0.0, {}, (Seen.NO_TRAFFIC,), Rule.HEADROOM),
        (4.0, {"counters": None}, (Seen.NO_SCRAPE,), Rule.HOLD),
        (0.0, {"counters": NO_NUMBERS}, (Seen.NO_SCRAPE,), Rule.HOLD),
        (4.0, {"fleets": (Fleet("gpu", 5, pending=2),)}, (Seen.PENDING,), Rule.HEADROOM),
        (4.0, {"fleets": (Fleet("gpu", 6, draining=1),)}, (Seen.DRAINING,), Rule.HEADROOM),
        (
            0.0,
            {"fleets": (Fleet("gpu", 5, pending=1, draining=1),)},
            (Seen.DRAINING, Seen.PENDING, Seen.NO_TRAFFIC),
            Rule.HEADROOM,
        ),
    ],
    ids=["serving", "no traffic", "no scrape", "no numbers", "pending", "draining", "three at once"],
)
def test_state(work: float, changes: dict[str, Any], seen: tuple[Seen, ...], rule: Rule) -> None:
    known = _warm()
    known.arrive(work)
    decision = known.decide(**changes)
    assert decision.seen == seen
    assert decision.rule is rule


def test_a_partial_scrape_raises_but_never_lowers() -> None:
    known = _warm()
    before = known.history[-1]["gpu"]
    for _ in range(100):
        known.arrive(0.1)
        known.decide(unscraped=3)
    known.arrive(0.1)
    quiet = known.decide(unscraped=3)
    assert quiet.replicas == before
    assert quiet.seen == (Seen.PARTIAL_SCRAPE,)
    assert Stop.NO_DATA in quiet.stopped
    known.arrive(15.0)
    assert known.decide(unscraped=3).replicas == 15


def test_pods_that_are_scraped_again_are_no_traffic_of_now() -> None:
    """Their totals come back at once: a million requests in ten seconds, if one believed it."""
    known = _warm()
    known.arrive(4.0)
    known.decide(unscraped=1)
    before = known.history[-1]
    known.arrive(1e5)
    assert known.decide(unscraped=0).granted == before


def test_pending_pods_are_capacity_on_its_way() -> None:
    """AIBrix #2671: counted as missing, they are asked for again and again."""
    known = _warm()
    known.arrive(12.0)
    first = known.decide()
    ready = known.fleets[0].ready
    later = []
    for _ in range(3):
        known.arrive(12.0)
        later.append(known.decide(fleets=(Fleet("gpu", ready, pending=first.replicas - ready),)).replicas)
    assert max(later) <= first.replicas * 1.5


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 0.0], ids=["outage", "clock set back", "asked twice"])
def test_a_rate_is_never_taken_across_a_gap(jump: float) -> None:
    known = _warm()
    before = known.history[-1]
    known.arrive(0.0)
    known.now += jump - 10.0
    assert known.decide().granted == before


def test_no_traffic_goes_down_to_the_fewest() -> None:
    known = _warm()
    assert known.run(0.0, 500).replicas == known.policy.min_replicas
