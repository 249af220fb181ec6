"""Open-loop traffic on one replica: the engine's schedule, step by step, with the model's step times.

The closed forms describe clients that wait for their answers. Requests that arrive on their own are replayed here:
each step takes what waits and runs at that time, and lasts what the model says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.gather import gather
from qwen3_operator.performance.steps import Work, mixed_step
from qwen3_operator.performance.types import Load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.performance.coefficients import Coefficients
    from qwen3_operator.performance.types import Layout

_FAR = 1e6
"""Tokens over which the time of attention is taken; it grows evenly."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the engine fills a step."""

    mixed: bool
    """Prompt tokens join decode steps (vLLM); otherwise prompts come first and alone (SGLang)."""
    step_tokens: int
    """Most tokens of one step."""
    most_running: int
    kv_tokens: float
    """Of the group."""
    ahead: bool = True
    """A step is put together while the one before it runs, so that it takes what had arrived when that began."""


@dataclass(slots=True)
class Request:
    """One request. Times in seconds from the start of the replay."""

    arrival: float
    input_tokens: int
    output_tokens: int
    computed: int = 0
    """Prompt tokens in the KV cache."""
    generated: int = 0
    first_token: float = np.nan
    last_token: float = np.nan

    @property
    def time_to_first_token(self) -> float:
        """From arrival at the engine."""
        return self.first_token - self.arrival

    @property
    def time_per_output_token(self) -> float:
        """Mean over the tokens after the first."""
        return (self.last_token - self.first_token) / max(1, self.output_tokens - 1)


class StepTimes:
    """Step times of a layout, tabulated: the replay asks for them one at a time."""

    def __init__(self, layout: Layout, k: Coefficients, schedule: Schedule) -> None:
        counts = np.unique(np.concatenate([np.arange(0.0, 65), np.geomspace(64, schedule.most_running + 65, 60)]))
        tokens = np.unique(np.concatenate([np.arange(0.0, 65, 8), np.geomspace(64, schedule.step_tokens + 65, 40)]))
        tokens = np.insert(tokens, 1, 1.0)
        self._counts, self._tokens = counts, tokens
        rows, columns = (part.ravel() for part in np.meshgrid(counts, tokens, indexing="ij"))
        batch = gather([(layout, Load(1, 1, 1))] * len(rows))
        none = np.zeros(len(rows))
        self._table = mixed_step(batch, k, Work(rows, none, columns, none)).reshape(len(counts), len(tokens))
        one = gather([(layout, Load(1, 1, 1))] * 3)
        unit = np.ones(3)
        far = mixed_step(one, k, Work(unit, np.array([0.0, _FAR, 0.0]), unit, np.array([0.0, 0.0, _FAR])))
        self._per_context = float(far[1] - far[0]) / _FAR
        self._per_product = float(far[2] - far[0]) / _FAR

    def seconds(self, requests: int, context: int, tokens: int, product: float) -> float:
        """One step; the arguments are those of ``Work``."""
        row, over = _place(self._counts, requests)
        column, right = _place(self._tokens, tokens)
        table = self._table
        near = (1 - right) * table[row, column] + right * table[row, column + 1]
        next_row = (1 - right) * table[row + 1, column] + right * table[row + 1, column + 1]
        base = (1 - over) * near + over * next_row
        return float(base) + self._per_context * context + self._per_product * product


@dataclass(slots=True)
class _Group:
    """A data-parallel group."""

    waiting: deque[Request] = field(default_factory=deque)
    running: list[Request] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.waiting) + len(self.running)


def replay(requests: Sequence[Request], times: StepTimes, schedule: Schedule, groups: int = 1) -> None:
    """Fill in first and last token of each request, in order of arrival.

    Data-parallel groups get the next request in turn of their load and step together, as their experts are shared: the
    slowest decides.
    """
    arriving = deque(sorted(requests, key=lambda request: request.arrival))
    busy = [_Group() for _ in range(groups)]
    now = before = 0.0
    while arriving or any(group.requests for group in busy):
        if not any(group.requests for group in busy):
            now = before = max(now, arriving[0].arrival)
        while arriving and arriving[0].arrival <= (before if schedule.ahead else now):
            min(busy, key=lambda group: group.requests).waiting.append(arriving.popleft())
        before = now
        now += max(_step(group, times, schedule) for group in busy)
        for group in busy:
            _advance(group.running, now)


def _step(group: _Group, times: StepTimes, schedule: Schedule) -> float:
    """Seconds of the group's next step; prompts that it takes join those that run once they are computed in part."""
    if not group.requests:
        return 0.0
    decoding = [request for request in group.running if request.computed == request.input_tokens]
    tokens, product = _prompts(group.waiting, group.running, len(decoding), schedule)
    if tokens and not schedule.mixed:
        return times.seconds(0, 0, tokens, product)
    for request in decoding:
        request.generated += 1
    context = sum(request.computed + request.generated for request in decoding)
    return times.seconds(len(decoding), context, tokens, product)


def _prompts(waiting: deque[Request], running: list[Request], decoding: int, schedule: Schedule) -> tuple[int, float]:
    """Compute prompt tokens: those begun first, then those that wait while there is room."""
    left = schedule.step_tokens - (decoding if schedule.mixed else 0)
    tokens, product = 0, 0.0
    begun = [request for request in running if request.computed < request.input_tokens]
    while left > 0 and (begun or waiting):
        if not begun:
            if len(running) >= schedule.most_running or not _fits(waiting[0], running, schedule):
                break
            begun.append(waiting.popleft())
            running.append(begun[0])
        request = begun.pop(0)
        part = min(left, request.input_tokens - request.computed)
        product += part * (2 * request.computed + part)
        request.computed += part
        if request.computed == request.input_tokens:
            request.generated = 1
        tokens, left = tokens + part, left - part
    return tokens, product


def _fits(request: Request, running: list[Request], schedule: Schedule) -> bool:
    """SGLang keeps room for whole answers, vLLM for the prompt and what is there."""
    if schedule.mixed:
        held = sum(other.input_tokens + other.generated for other in running)
        return held + request.input_tokens <= schedule.kv_tokens
    held = sum(other.input_tokens + other.output_tokens for other in running)
    return held + request.input_tokens + request.output_tokens <= schedule.kv_tokens


def _advance(running: list[Request], now: float) -> None:
    for request in running:
        if request.generated and np.isnan(request.first_token):
            request.first_token = now
        if request.generated >= request.output_tokens:
            request.last_token = now
    running[:] = [request for request in running if np.isnan(request.last_token)]


def _place(grid: np.ndarray[tuple[int], np.dtype[np.float64]], value: float) -> tuple[int, float]:
    low = min(max(0, int(np.searchsorted(grid, value, side="right")) - 1), len(grid) - 2)
    return low, (value - float(grid[low])) / float(grid[low + 1] - grid[low])
