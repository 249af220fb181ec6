"""One engine in open-loop traffic as ``replay`` steps it, but many decode steps at once where nothing else happens.

Between two prompts and two ends of answers every step does the same with a context that grows evenly, so that the time
of many steps has a closed form.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_operator.performance.replay import Request, Schedule, StepTimes


@dataclass(slots=True)
class Engine:
    """A replica without data-parallel groups. Give it requests in order of arrival."""

    times: StepTimes
    schedule: Schedule
    now: float = 0.0
    waiting: deque[Request] = field(default_factory=deque)
    _begun: Request | None = None
    """Whose prompt is computed in part."""
    _before: float = 0.0
    """When the last step began."""
    _steps: int = 0
    """Decode steps so far."""
    _context: int = 0
    """KV tokens of those that decode."""
    _held: int = 0
    """KV tokens that are kept for them."""
    _ends: list[tuple[int, int, Request]] = field(default_factory=list)
    """By the decode step after which an answer is whole."""
    _order: count[int] = field(default_factory=count)

    @property
    def requests(self) -> int:
        """That wait or run."""
        return len(self.waiting) + len(self._ends) + (self._begun is not None)

    def advance(self, until: float) -> None:
        """Run the steps that begin before ``until``."""
        while self.now < until:
            if not self.requests:
                self.now = self._before = until
                return
            if len(self._ends) == 0 and self._begun is None and self.waiting[0].arrival > self.now:
                self.now = self._before = min(until, self.waiting[0].arrival)
                continue
            prompts, tokens, product = self._prompts()
            if not tokens and not self._ends:
                self.now = self._before = max(self.now, self.waiting[0].arrival)
                continue
            begin = self.now
            if tokens:
                self._one(prompts, tokens, product)
            else:
                self._many(until)
            self._before = begin if tokens else self._before

    def _prompts(self) -> tuple[list[Request], int, float]:
        """Prompts that become whole in the next step, and what it computes of prompts."""
        left = self.schedule.step_tokens - (len(self._ends) if self.schedule.mixed else 0)
        whole: list[Request] = []
        tokens, product = 0, 0.0
        while left > 0:
            if self._begun is None:
                if not self._admits(whole):
                    break
                self._begun = self.waiting.popleft()
                self._held += self._keeps(self._begun)
            request = self._begun
            part = min(left, request.input_tokens - request.computed)
            product += part * (2 * request.computed + part)
            request.computed += part
            tokens, left = tokens + part, left - part
            if request.computed == request.input_tokens:
                whole.append(request)
                self._begun = None
        return whole, tokens, product

    def _admits(self, whole: list[Request]) -> bool:
        """SGLang keeps room for whole answers, vLLM for the prompt and what is there."""
        seen = self._before if self.schedule.ahead else self.now
        running = len(self._ends) + len(whole)
        if not self.waiting or self.waiting[0].arrival > seen or running >= self.schedule.most_running:
            return False
        held = self._held
        if self.schedule.mixed:
            held = self._context + sum(request.input_tokens + 1 for request in whole)
        return held + self._keeps(self.waiting[0]) <= self.schedule.kv_tokens

    def _keeps(self, request: Request) -> int:
        return request.input_tokens + (0 if self.schedule.mixed else request.output_tokens)

    def _one(self, prompts: list[Request], tokens: int, product: float) -> None:
        """A step with prompts; answers go on in it only where the schedule mixes."""
        decoding = len(self._ends) if self.schedule.mixed else 0
        self._context += decoding
        self.now += self.times.seconds(decoding, self._context if decoding else 0, tokens, product)
        if decoding:
            self._steps += 1
            self._finish()
        for request in prompts:
            request.generated, request.first_token = 1, self.now
            if request.output_tokens <= 1:
                request.last_token = self.now
                self._held -= self._keeps(request)
                continue
            self._context += request.input_tokens + 1
            heapq.heappush(self._ends, (self._steps + request.output_tokens - 1, next(self._order), request))

    def _many(self, until: float) -> None:
        """Decode steps until an answer ends, a request can be seen, or time is up."""
        running = len(self._ends)
        first = self.times.seconds(running, self._context + running, 0, 0.0)
        growth = self.times.seconds(running, self._context + 2 * running, 0, 0.0) - first
        most = self._ends[0][0] - self._steps
        limit = until
        if self.waiting:
            limit = min(limit, max(self.now, self.waiting[0].arrival))
        steps = min(most, max(1, _within(limit - self.now, first, growth)))
        duration = steps * first + growth * steps * (steps - 1) / 2
        self._before = self.now + duration - (first + growth * (steps - 1))
        self.now += duration
        self._steps += steps
        self._context += steps * running
        self._finish()

    def _finish(self) -> None:
        while self._ends and self._ends[0][0] <= self._steps:
            request = heapq.heappop(self._ends)[2]
            request.generated, request.last_token = request.output_tokens, self.now
            self._context -= request.input_tokens + request.output_tokens
            self._held -= self._keeps(request)


def _within(seconds: float, first: float, growth: float) -> int:
    """Steps that begin within so many seconds, each ``growth`` longer than the one before."""
    if growth <= 0:
        return math.ceil(seconds / first)
    linear = first - growth / 2
    return math.ceil((math.sqrt(linear * linear + 2 * growth * max(0.0, seconds)) - linear) / growth)
