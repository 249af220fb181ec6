"""The engine that skips steps against the replay that takes each."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

from qwen3_operator.performance.coefficients import coefficients
from qwen3_operator.performance.engine import Engine
from qwen3_operator.performance.replay import Request, Schedule, StepTimes, replay
from tests.unit.performance.given import CONSTANTS, layout

SGLANG = Schedule(mixed=False, step_tokens=4096, most_running=24, kv_tokens=60_000)
VLLM = Schedule(mixed=True, step_tokens=4096, most_running=24, kv_tokens=60_000)


@pytest.mark.parametrize("schedule", [SGLANG, VLLM])
@pytest.mark.parametrize("span", [0.3, 1e9])
@pytest.mark.parametrize("gap", [0.02, 0.3])
def test_it_gives_each_request_the_times_of_the_stepwise_replay(schedule: Schedule, span: float, gap: float) -> None:
    """Also where it is asked to go on in small spans, as a fleet does."""
    of = layout(tensor_parallel=2, engine="vLLM" if schedule.mixed else "SGLang")
    times = StepTimes(of, coefficients(CONSTANTS, [of.accelerator]), schedule)
    rng = np.random.default_rng(3)
    arrivals = np.cumsum(rng.exponential(gap, 80))
    stepwise = [Request(float(at), int(rng.integers(1, 6000)), int(rng.integers(1, 90))) for at in arrivals]
    skipping = deepcopy(stepwise)
    replay(stepwise, times, schedule)
    engine = Engine(times, schedule)
    engine.waiting.extend(skipping)
    now = 0.0
    while engine.requests:
        now += span
        engine.advance(now)
    for one, other in zip(stepwise, skipping, strict=True):
        assert other.first_token == pytest.approx(one.first_token, rel=0.02, abs=0.1)
        assert other.last_token == pytest.approx(one.last_token, rel=0.02, abs=0.1)
    for name in ("time_to_first_token", "time_per_output_token"):
        exact, found = (np.array([getattr(one, name) for one in many]) for many in (stepwise, skipping))
        assert np.median(found) == pytest.approx(np.median(exact), rel=0.02)
