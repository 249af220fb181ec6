"""How fast a replica is beside the performance model's word, from what it served. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_operator.api.status import Placement
    from qwen3_operator.performance import Speed
    from qwen3_operator.reconcile.readings import Load

SLOWEST, FASTEST = 0.5, 1.5
"""Beyond these something else than the speed of the hardware is at work."""
WARM_SECONDS = 180.0
"""Of a pod's first minutes nothing counts: kernels are compiled and graphs captured at first use, caches are empty."""
_PRIOR_REQUESTS = 100.0
"""What the model's word is worth beside requests that were seen."""
_ENOUGH_REQUESTS = 500.0
"""From which on its word, that of the model included, is heard."""
_MEMORY_REQUESTS = 1000.0
"""About so many of the last requests count."""
_BUSY = 0.25
"""Part of the planned concurrency from which on a load says something of the capacity: errors differ with the batch."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Never changed, only replaced."""

    ratio: float = 1.0
    """Speed that was seen over the predicted one."""
    requests: float = _PRIOR_REQUESTS

    @property
    def is_known(self) -> bool:
        """Whether enough was seen."""
        return self.requests >= _ENOUGH_REQUESTS

    def after(self, load: Load, predicted: Speed, without_cached: Speed) -> Pace:
        """With one load more.

        A cached prompt costs no prefill and is read in each decode step all the same; the model knows no such prompt.
        So it is asked for the whole prompt and for the part that was not cached: the truth is between the two, and
        counts only as far as both are on one side of what was seen.

        Args:
            load: That was seen.
            predicted: For the load with its whole prompts.
            without_cached: For the load with the parts of prompts that were not cached.
        """
        if not load.output_token_seconds:
            return self
        least, most = sorted(
            speed.time_per_output_token / load.output_token_seconds for speed in (predicted, without_cached)
        )
        seen = min(FASTEST, max(SLOWEST, min(most, max(least, 1.0))))
        requests = self.requests + load.requests
        return Pace((self.ratio * self.requests + seen * load.requests) / requests, min(requests, _MEMORY_REQUESTS))


def says_something(load: Load, placement: Placement) -> bool:
    """Whether a load is heavy enough to judge the capacity by."""
    planned = placement.predicted.max_concurrency if placement.predicted else placement.max_concurrency
    return load.running >= _BUSY * planned
