"""Single requests on engines: what they take, and that the fluid tells the same of even traffic."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from qwen3_operator.cli.replay_capacity import replica_of
from qwen3_operator.performance.replay import replay
from qwen3_operator.scaling import Policy, QueueOrder
from qwen3_operator.scaling.simulate import (
    Arrivals,
    Latency,
    Machine,
    Setting,
    requests_of,
    run,
    run_requests,
    scaler,
)
from qwen3_operator.scaling.simulate.scalers import Static
from tests.unit.performance.given import CATALOG

POLICY = Policy(max_replicas=20, time_to_first_token=2.0, time_per_output_token=0.05)
TOKENS = (1000.0, 600.0)
ROW = {"model": "Qwen3-32B", "accelerator": "H100-SXM", "quantization": "FP8", "tensor_parallel": "2"}


def _fleet(load: float, minutes: float, policy: Policy = POLICY) -> tuple[Setting, Machine]:
    """Independent requests that keep so many replicas busy."""
    replica = replica_of(ROW, TOKENS, policy, CATALOG)
    unit = replica.capacity(TOKENS, CATALOG, 60.0)
    per_step = load * 5 / unit.work(*TOKENS)
    requests = np.random.default_rng(2).poisson(per_step, round(minutes * 12)).astype(float)
    known = np.ones(len(requests), dtype=bool)
    found = Arrivals(requests, requests * TOKENS[0], requests * TOKENS[1], known)
    return Setting(found, (unit,), policy), replica.machine(CATALOG)


def test_single_requests_have_the_sums_of_their_step() -> None:
    setting, _ = _fleet(2.0, 2.0)
    found = requests_of(setting.arrivals, seed=4)
    assert len(found) == setting.arrivals.requests.sum()
    assert sum(request.input_tokens for request in found) == pytest.approx(
        setting.arrivals.input_tokens.sum(), rel=0.01
    )
    assert sum(request.output_tokens for request in found) == pytest.approx(
        setting.arrivals.output_tokens.sum(), rel=0.02
    )
    assert [request.arrival for request in found] == sorted(request.arrival for request in found)


@pytest.mark.parametrize("order", QueueOrder)
def test_one_replica_gives_the_latencies_of_the_stepwise_replay(order: QueueOrder) -> None:
    setting, machine = _fleet(0.5, 3.0, replace(POLICY, queue=order))
    found = requests_of(setting.arrivals, seed=4)
    exact = deepcopy(found)
    replay(exact, machine.times, machine.schedule)
    run_requests(setting, Static(setting, 1), found, machine, seed=1)
    fleet, alone = Latency.of(found), Latency.of(exact)
    assert fleet.time_per_output_token_p50 == pytest.approx(alone.time_per_output_token_p50, rel=0.05)
    assert fleet.time_to_first_token_p50 == pytest.approx(alone.time_to_first_token_p50, abs=0.05)


@pytest.mark.parametrize(("load", "replicas", "suffices"), [(2.0, 3, True), (3.0, 2, False)])
def test_the_fluid_tells_the_same_of_even_traffic(load: float, replicas: int, *, suffices: bool) -> None:
    setting, machine = _fleet(load, 5.0)
    fluid = run(setting, Static(setting, replicas))
    single = run_requests(setting, Static(setting, replicas), requests_of(setting.arrivals, 4), machine, seed=1)
    shares = [found.missed[36:].sum() / setting.arrivals.requests[36:].sum() for found in (fluid, single)]
    if suffices:
        assert max(shares) < 0.02
    else:
        assert shares[0] == pytest.approx(1 / 3, abs=0.05)
        assert shares[0] - 0.05 < shares[1] < shares[0] + 0.3


def test_pods_start_late_and_drain_without_losing_a_request() -> None:
    setting, machine = _fleet(4.0, 4.0)
    quiet = np.where(np.arange(48) < 24, setting.arrivals.requests, 0.0)
    half = replace(setting.arrivals, requests=quiet, input_tokens=quiet * TOKENS[0], output_tokens=quiet * TOKENS[1])
    asked = replace(setting, arrivals=half)
    found = requests_of(half, 4)
    done = run_requests(asked, scaler("hpa-work", asked), found, machine, seed=1)
    assert not any(np.isnan(request.last_token) for request in found)
    assert done.replicas.max() > done.ready[0]
