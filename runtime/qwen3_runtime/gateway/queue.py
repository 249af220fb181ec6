"""In which order waiting requests of one model are served. Pure: the time comes from outside.

Higher levels first. Within a level those that can still meet their first-token target, then the late ones: with
first-in-first-out a small shortfall makes nearly everyone late, so only the excess is. Among those, start-time fair
queueing (Goyal, Vin, Cheng 1996) on tokens of work: tenants share by weight while they wait, and none saves up.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WAITING_LIMIT = 2048
"""Of one model. A body is held for each, 32 MiB at most but a few KiB as a rule."""
TENANT_WAITING_LIMIT = 512
"""Of one tenant at one model: a burst cannot fill the queue."""


@dataclass(frozen=True)
class Waiting:
    """One request that waits."""

    number: int
    """Order of arrival."""
    tenant: str
    level: int
    work: float
    """Tokens, prompt and expected output."""
    start_by: float
    """Latest start that meets the first-token target; infinity without one."""
    tag: float
    """Virtual start time."""

    def rank(self, now: float) -> tuple[int, bool, float, int]:
        """Smaller goes first."""
        return -self.level, now > self.start_by, self.tag, self.number


def order(waiting: Iterable[Waiting], now: float) -> list[Waiting]:
    """Who would go when, if as many replicas were free now. What `FairQueue` must agree with."""
    return sorted(waiting, key=lambda one: one.rank(now))


class FairQueue:
    """The waiting requests of one model."""

    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._by_tenant: dict[str, int] = {}
        # A late request under the top of `_timely` is no mistake: the top is ahead of it either way.
        self._timely: list[tuple[int, float, int]] = []
        self._late: list[tuple[int, float, int]] = []
        self._virtual = 0.0
        self._finish: dict[str, float] = {}
        self._count = 0
        self.work = 0.0
        """Tokens that wait."""

    def __len__(self) -> int:
        return len(self._waiting)

    def admits(self, tenant: str) -> bool:
        """Whether one more request of the tenant may wait."""
        return len(self._waiting) < WAITING_LIMIT and self._by_tenant.get(tenant, 0) < TENANT_WAITING_LIMIT

    def push(self, tenant: str, *, level: int, weight: float, work: float, start_by: float) -> Waiting:
        """Let a request wait."""
        self._count += 1
        tag = self._charge(tenant, weight, work)
        one = Waiting(self._count, tenant, level, work, start_by, tag)
        self._waiting[one.number] = one
        self._by_tenant[tenant] = self._by_tenant.get(tenant, 0) + 1
        self.work += work
        heapq.heappush(self._timely, (-level, tag, one.number))
        return one

    def pass_by(self, tenant: str, *, weight: float, work: float) -> None:
        """Charge a request that need not wait, so that a tenant's running work counts too."""
        self._virtual = max(self._virtual, self._charge(tenant, weight, work))

    def pop(self, now: float) -> Waiting | None:
        """The next to be served."""
        timely = self._top(self._timely)
        while timely is not None and now > timely.start_by:
            heapq.heappush(self._late, heapq.heappop(self._timely))
            timely = self._top(self._timely)
        late = self._top(self._late)
        both = [one for one in (timely, late) if one is not None]
        if not both:
            return None
        first = min(both, key=lambda one: one.rank(now))
        self._virtual = max(self._virtual, first.tag)
        self.remove(first)
        return first

    def remove(self, one: Waiting) -> None:
        """Forget a request that is served or gone. Does nothing for one that is not there."""
        if self._waiting.pop(one.number, None) is None:
            return
        self.work -= one.work
        self._by_tenant[one.tenant] -= 1
        if not self._by_tenant[one.tenant]:
            del self._by_tenant[one.tenant]
        if not self._waiting:
            self._timely.clear()
            self._late.clear()
            self.work = 0.0
            # Nobody waits: who has run little until now has saved nothing, who has run much owes little.
            self._finish = {tenant: end for tenant, end in self._finish.items() if end > self._virtual}

    def _charge(self, tenant: str, weight: float, work: float) -> float:
        start = max(self._virtual, self._finish.get(tenant, 0.0))
        self._finish[tenant] = start + work / weight
        return start

    def _top(self, heap: list[tuple[int, float, int]]) -> Waiting | None:
        while heap:
            one = self._waiting.get(heap[0][2])
            if one is not None:
                return one
            heapq.heappop(heap)
        return None
