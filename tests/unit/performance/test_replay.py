"""Requests that arrive on their own."""

from __future__ import annotations

import numpy as np
import pytest

from bench.accuracy.open_loop import open_loop
from qwen3_operator.performance.coefficients import coefficients
from qwen3_operator.performance.replay import Request, Schedule, StepTimes, replay
from tests.unit.performance.given import CATALOG, CONSTANTS, layout, speed

SGLANG = Schedule(mixed=False, step_tokens=8192, most_running=256, kv_tokens=1e9)
VLLM = Schedule(mixed=True, step_tokens=8192, most_running=256, kv_tokens=1e9)


def replayed(requests: list[Request], schedule: Schedule, groups: int = 1) -> list[Request]:
    of = layout(tensor_parallel=2, engine="vLLM" if schedule.mixed else "SGLang")
    times = StepTimes(of, coefficients(CONSTANTS, [of.accelerator]), schedule)
    replay(requests, times, schedule, groups)
    return requests


@pytest.mark.parametrize("schedule", [SGLANG, VLLM])
def test_a_request_alone_is_as_fast_as_the_closed_form_says(schedule: Schedule) -> None:
    found = replayed([Request(0.0, 1024, 200)], schedule)[0]
    engine = "vLLM" if schedule.mixed else "SGLang"
    closed = speed(layout(tensor_parallel=2, engine=engine), prompt=1024, answer=200, clients=1)
    assert found.time_per_output_token == pytest.approx(closed.time_per_output_token, rel=0.03)
    assert found.time_to_first_token < closed.time_to_first_token


@pytest.mark.parametrize("schedule", [SGLANG, VLLM])
@pytest.mark.parametrize("groups", [1, 2])
def test_everyone_is_served_in_order(schedule: Schedule, groups: int) -> None:
    rng = np.random.default_rng(7)
    arrivals = np.cumsum(rng.exponential(0.05, 60))
    requests = [Request(float(at), int(rng.integers(1, 9000)), int(rng.integers(1, 80))) for at in arrivals]
    for request in replayed(requests, schedule, groups):
        assert request.arrival < request.first_token <= request.last_token
        assert request.computed == request.input_tokens
        assert request.generated == request.output_tokens


def test_prompts_stall_the_others_in_sglang_and_less_in_vllm() -> None:
    def tokens_apart(schedule: Schedule) -> float:
        long_answer = Request(0.0, 100, 400)
        replayed([long_answer, *(Request(0.5 + 0.5 * i, 8000, 2) for i in range(8))], schedule)
        return long_answer.time_per_output_token

    alone = replayed([Request(0.0, 100, 400)], SGLANG)[0].time_per_output_token
    assert tokens_apart(SGLANG) > 1.3 * alone
    assert tokens_apart(VLLM) > 1.3 * alone


def test_a_full_cache_makes_requests_wait() -> None:
    small = Schedule(mixed=False, step_tokens=8192, most_running=256, kv_tokens=2500)
    first, second = replayed([Request(0.0, 1000, 500), Request(0.0, 1000, 500)], small)
    assert second.first_token > first.last_token


def test_the_measured_open_loop_run() -> None:
    run = open_loop(CATALOG)
    first = np.median(run.predicted_first_token) / np.median(run.first_token) - 1
    per = np.median(run.predicted_per_token) / np.median(run.per_token) - 1
    assert abs(first) <= 0.15
    assert abs(per) <= 0.10
