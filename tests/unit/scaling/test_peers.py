"""Each peer's formula on examples worked out by hand from its source, and each on the simulated fleet."""

from __future__ import annotations

import math

import pytest

from qwen3_operator.scaling.simulate import SCALERS, Setting, run, scaler
from qwen3_operator.scaling.simulate.peers import aibrix, dynamo, hpa, knative, kubeai, wva
from qwen3_operator.scaling.simulate.peers.metrics import Metrics, due
from tests.unit.scaling.test_simulate import POLICY, arriving, setting

PEERS = [name for name in SCALERS if name not in {"adaptive", "static-peak"}]


@pytest.mark.parametrize(
    ("total", "target", "replicas", "wanted"),
    [
        (7.0, 0.7, 5, 10),
        (7.1, 0.7, 5, 11),
        (3.84, 0.7, 5, 5),  # 9.7 % above: within the tolerance
        (3.9, 0.7, 5, 6),
        (3.1, 0.7, 5, 5),  # 11 % below, and the ceiling of 4.4
        (0.0, 5.0, 4, 0),
    ],
)
def test_hpa_average_value(total: float, target: float, replicas: float, wanted: int) -> None:
    assert hpa.desired(total, target, replicas) == wanted


@pytest.mark.parametrize(("wanted", "replicas", "granted"), [(20, 3, 7), (20, 8, 16), (9, 8, 9)])
def test_hpa_doubles_or_adds_four(wanted: float, replicas: float, granted: float) -> None:
    assert hpa.limited(wanted, replicas) == granted


def _metrics(now: float, **values: float) -> Metrics:
    usual = {"ready": 4.0, "pending": 0.0, "work": 2.8, "requests": 2.8, "queued": 0.0, "queued_work": 0.0}
    return Metrics(now=now, **(usual | {"first_token": 0.5} | values))


def _alone() -> Setting:
    return setting(arriving((2.8, 10.0)))


def test_hpa_falls_to_the_highest_of_five_minutes() -> None:
    peer = hpa.on_work(_alone())
    answers = [peer.wanted(_metrics(t, work=2.8 if t < 60 else 0.7)) for t in range(15, 600, 15)]
    times = list(range(15, 600, 15))
    low = next(at for at, answer in zip(times, answers, strict=True) if answer == 1)
    assert low == 45 + 300  # the last high answer was given at 45


def test_keda_reads_every_half_minute_and_takes_the_higher_trigger() -> None:
    peer = hpa.keda(_alone())
    peer.wanted(_metrics(0))
    assert peer.wanted(_metrics(15, queued=0.5)) == 4
    assert peer.wanted(_metrics(30, queued=0.5)) == 8  # 50 waiting at 5 a replica are 10, at most twice 4
    assert peer.wanted(_metrics(60, queued=0.3)) == 6  # 30 waiting


@pytest.mark.parametrize(
    ("stable", "panic", "ready", "wanted"),
    [
        (2.1, 2.1, 3, (3, 3)),
        (2.2, 6.3, 3, (4, 9)),
        (0.7, 0.0, 10, (5, 5)),  # at most halved
        (1400.0, 1400.0, 1, (1000, 1000)),
    ],
)
def test_knative_windows(stable: float, panic: float, ready: float, wanted: tuple[int, int]) -> None:
    assert knative.desired(stable, panic, ready, 0.7) == wanted


def test_knative_panics_at_twice_what_is_ready_and_does_not_fall_in_panic() -> None:
    assert knative.is_panic(4.2, 3, 0.7)
    assert not knative.is_panic(3.5, 3, 0.7)
    peer = knative.Knative(_alone())
    assert peer.wanted(_metrics(10, requests=4.0, queued=3.0)) == 10
    assert peer.wanted(_metrics(20, requests=0.7)) == 10
    assert peer.wanted(_metrics(80, requests=0.7)) < 10


@pytest.mark.parametrize(
    ("average", "replicas", "wanted"), [(0.55, 4, 4), (0.56, 4, 5), (0.9, 4, 8), (2.0, 4, 8), (0.46, 4, 4), (0.1, 4, 2)]
)
def test_aibrix_apa(average: float, replicas: float, wanted: int) -> None:
    assert aibrix.apa(average, 0.5, replicas) == wanted


@pytest.mark.parametrize(
    ("stable", "panic", "wanted"),
    [(2.8, 2.8, 4), (2.8, 5.6, 4), (2.8, 5.7, 8), (0.0, 1.4, 2), (0.7, 0.7, 2)],
)
def test_aibrix_kpa(stable: float, panic: float, wanted: int) -> None:
    assert aibrix.kpa(stable, panic, 0.7, 4) == wanted


def test_aibrix_holds_while_pods_are_pending_and_cools_down_before_it_falls() -> None:
    peer = aibrix.Apa(_alone())
    assert peer.wanted(_metrics(10, work=4.0)) == 8
    assert peer.wanted(_metrics(20, work=4.0, pending=4.0)) == 8
    calm = aibrix.Apa(_alone())
    answers = [calm.wanted(_metrics(10.0 * i, work=1.8 if i < 3 else 0.4)) for i in range(60)]
    assert answers[:32] == [4] * 32
    assert answers[-1] == 2


@pytest.mark.parametrize(("active", "wanted"), [(100.0, 1), (101.0, 2), (0.0, 0)])
def test_kubeai(active: float, wanted: int) -> None:
    assert kubeai.desired(active, 100.0) == wanted


def test_kubeai_falls_after_three_lower_answers() -> None:
    peer = kubeai.KubeAI(_alone())
    assert [peer.wanted(_metrics(10.0 * i, requests=1.0)) for i in range(3)] == [4, 4, 1]


@pytest.mark.parametrize(
    ("cache", "queue", "replicas", "change"),
    [
        (0.85, 0.0, 4, 1),
        (0.75, 0.0, 4, 1),  # 0.05 spare
        (0.60, 2.5, 4, 1),  # 2.5 spare
        (0.60, 0.0, 4, 0),  # 0.80 with one less
        (0.50, 0.0, 4, -1),  # 0.67
        (0.10, 0.0, 1, 0),
    ],
)
def test_wva_v1(cache: float, queue: float, replicas: float, change: int) -> None:
    assert wva.saturation(cache, queue, replicas) == change


@pytest.mark.parametrize(
    ("demand", "supply", "anticipated", "change"),
    [(3.4, 3.0, 3.0, 1.0), (3.4, 3.0, 4.0, 0.0), (2.1, 5.0, 5.0, -2.0), (3.4, 4.5, 4.5, 0.0)],
)
def test_wva_v2(demand: float, supply: float, anticipated: float, change: float) -> None:
    assert wva.tokens(demand, supply, anticipated) == pytest.approx(change)


@pytest.mark.parametrize(("demand", "replicas", "wanted"), [(9.1, 4, 10), (30.0, 4, 12), (1.0, 20, 12)])
def test_dynamo_throughput(demand: float, replicas: float, wanted: int) -> None:
    assert dynamo.throughput(demand, 1.0, replicas) == wanted


@pytest.mark.parametrize(("latency", "replicas", "change"), [(1.1, 4, 1), (0.59, 4, -1), (0.61, 4, 0), (0.1, 1, 0)])
def test_dynamo_load(latency: float, replicas: float, change: int) -> None:
    assert dynamo.load(latency, replicas) == change


def test_a_loop_runs_once_a_period() -> None:
    assert [t for t in range(10, 100, 10) if due(t, 15.0)] == [20, 30, 50, 60, 80, 90]
    assert sum(due(t, 180.0) for t in range(10, 3610, 10)) == 20


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_carries_even_work_or_says_with_how_little(name: str) -> None:
    """All but the one that only looks at who waits end at their target on even traffic."""
    even = setting(arriving((4.9, 60.0)))
    last = run(even, scaler(name, even)).replicas[-60:, 0]
    if name == "hpa-queue":
        assert last.min() < 4.9
    else:
        assert last.min() >= 4
        assert last.max() <= 14


@pytest.mark.parametrize("name", PEERS)
def test_peers_hold_where_nothing_is_known(name: str) -> None:
    asked = setting(arriving((4.9, 1.0)), policy=POLICY)
    fleet = run(asked, scaler(name, asked))
    assert fleet.replicas[0, 0] == math.ceil(1.3 * 4.9)
    assert fleet.replicas[2, 0] == fleet.replicas[0, 0]
