"""The counters of one tenant in memory. Pure: the time comes from outside.

A minute is a sliding one of whole seconds, the present one included: any 60 s lie within the 61 buckets that count, so
no choice of a minute shows more than the limit. What a running request may still generate is held until it ends.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.limits.types import Standing, Tokens, bounds_of, day_of, renewal
from qwen3_runtime.tenancy import LimitName, LimitUsage

if TYPE_CHECKING:
    from qwen3_runtime.tenancy import Tenant

MINUTE_SECONDS = 60
HELD_RETRY_SECONDS = 1.0
"""When only running requests stand in the way, whose end nobody knows."""


@dataclass
class Window:
    """Amounts of the last minute."""

    buckets: deque[list[int]] = field(default_factory=deque)
    """``[second, amount]``, oldest first."""
    total: int = 0

    def sum(self, second: int) -> int:
        """Of the minute that ends with ``second``."""
        while self.buckets and self.buckets[0][0] < second - MINUTE_SECONDS:
            self.total -= self.buckets.popleft()[1]
        return self.total

    def add(self, second: int, amount: int) -> None:
        """Book at ``second``, which is the newest or still in the window; what is older is forgotten anyway."""
        if not self.buckets or self.buckets[-1][0] < second:
            self.buckets.append([second, 0])
        for bucket in reversed(self.buckets):
            if bucket[0] == second:
                bucket[1] += amount
                self.total += amount
                return

    def wait(self, second: int, surplus: int) -> float:
        """Seconds until ``surplus`` has left the window."""
        for booked, amount in self.buckets:
            surplus -= amount
            if surplus <= 0:
                return float(booked + MINUTE_SECONDS + 1 - second)
        return HELD_RETRY_SECONDS


class Account:
    """One tenant."""

    def __init__(self) -> None:
        self.requests, self.input, self.output = Window(), Window(), Window()
        self.running = self.held_output = self.held_tokens = 0
        self.day = ""
        self.used_today = self.used_this_month = 0

    def reserve(self, tenant: Tenant, tokens: Tokens, now: float, share: float = 1.0) -> Standing:
        """Let a request in, or say which limit it meets. ``share`` of each limit is this process's own."""
        self._turn(now)
        second = int(now)
        limits, quota = tenant.limits, tenant.quota
        windows = (
            (LimitName.REQUESTS_PER_MINUTE, limits.requests_per_minute, self.requests, 1, 0),
            (LimitName.INPUT_TOKENS_PER_MINUTE, limits.input_tokens_per_minute, self.input, tokens.input, 0),
            (
                LimitName.OUTPUT_TOKENS_PER_MINUTE,
                limits.output_tokens_per_minute,
                self.output,
                tokens.output,
                self.held_output,
            ),
        )
        remaining = {}
        for name, limit, window, need, held in windows:
            if limit is None:
                continue
            bound = max(1, int(limit * share))
            used = window.sum(second) + held
            # A request that needs more than the whole limit runs alone.
            surplus = used + min(need, bound) - bound
            if surplus > 0:
                return Standing(name, window.wait(second, surplus), {name: max(0, bound - used)})
            remaining[name] = bound - used - min(need, bound)
        most = limits.concurrent_requests
        if most is not None and self.running >= max(1, int(most * share)):
            return Standing(LimitName.CONCURRENT_REQUESTS, HELD_RETRY_SECONDS)
        for name, bound_, used, monthly in (
            (LimitName.TOKENS_PER_DAY, quota.tokens_per_day, self.used_today, False),
            (LimitName.TOKENS_PER_MONTH, quota.tokens_per_month, self.used_this_month, True),
        ):
            if bound_ is not None and used + self.held_tokens + tokens.total > bound_:
                return Standing(name, renewal(now, monthly=monthly))
        self.book(tokens, now)
        return Standing(remaining=remaining)

    def book(self, tokens: Tokens, now: float) -> None:
        """Set aside what a request needs."""
        second = int(now)
        self.requests.add(second, 1)
        self.input.add(second, tokens.input)
        self.running += 1
        self.held_output += tokens.output
        self.held_tokens += tokens.total

    def settle(self, reserved: Tokens, second: int, used: Tokens, now: float) -> None:
        """Put what was used in the place of what was set aside."""
        self._turn(now)
        self.running -= 1
        self.held_output -= reserved.output
        self.held_tokens -= reserved.total
        surplus = used.input - reserved.input
        # Too much is given back where it was booked; too little is booked now, when it is known.
        self.input.add(second if surplus < 0 else int(now), surplus)
        self.output.add(int(now), used.output)
        self.used_today += used.total
        self.used_this_month += used.total

    def align(self, tenant: Tenant, standing: Standing, share: float, now: float) -> None:
        """Raise each window to its share of what `standing` says is used of a limit in all."""
        second, limits = int(now), tenant.limits
        for name, limit, window, held in (
            (LimitName.REQUESTS_PER_MINUTE, limits.requests_per_minute, self.requests, 0),
            (LimitName.INPUT_TOKENS_PER_MINUTE, limits.input_tokens_per_minute, self.input, 0),
            (LimitName.OUTPUT_TOKENS_PER_MINUTE, limits.output_tokens_per_minute, self.output, self.held_output),
        ):
            if limit is not None and name in standing.remaining:
                used = ceil((limit - standing.remaining[name]) * share)
                window.add(second, max(0, used - held - window.sum(second)))

    def usage(self, tenant: Tenant, now: float) -> tuple[LimitUsage, ...]:
        """How much of each limit is used."""
        self._turn(now)
        second = int(now)
        used = (
            self.requests.sum(second),
            self.input.sum(second),
            self.output.sum(second) + self.held_output,
            self.running,
            self.used_today,
            self.used_this_month,
        )
        return describe(tenant, used)

    def _turn(self, now: float) -> None:
        day = day_of(now)
        if day != self.day:
            if day[:7] != self.day[:7]:
                self.used_this_month = 0
            self.used_today = 0
            self.day = day


def describe(tenant: Tenant, used: tuple[int, ...]) -> tuple[LimitUsage, ...]:
    """``used`` in the order of `LimitName`."""
    pairs = zip(LimitName, used, bounds_of(tenant), strict=True)
    return tuple(LimitUsage(name=name, used=max(0, amount), limit=bound) for name, amount, bound in pairs)
