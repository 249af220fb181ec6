"""Traffic on a grid of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.scaling.types import PERIOD_SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.types import Capacity

STEP_SECONDS = 5.0
DECISION_STEPS = round(PERIOD_SECONDS / STEP_SECONDS)
"""From one decision to the next: two."""


@dataclass(frozen=True)
class Arrivals:
    """What arrives in each step; all arrays have one value per step, and an even number of them."""

    requests: Numbers
    input_tokens: Numbers
    output_tokens: Numbers
    known: NDArray[np.bool_]
    """False where the trace has a hole: nothing arrives, nothing is seen and nothing counts."""
    tenants: tuple[str, ...] = ()
    """Those that the trace tells apart; none where it does not."""
    tenant_requests: NDArray[np.float32] | None = None
    """[tenants, steps]"""

    @property
    def hours(self) -> float:
        """From the first step to the last, holes included."""
        return len(self.requests) * STEP_SECONDS / 3600

    def work(self, capacity: Capacity) -> Numbers:
        """Replica-seconds of each step."""
        per_input, per_output = 1 / capacity.input_tokens_per_second, 1 / capacity.output_tokens_per_second
        return np.asarray(self.input_tokens * per_input + self.output_tokens * per_output)

    def mean_replicas(self, capacity: Capacity) -> float:
        """Replicas that would do the work if it came evenly."""
        return float(self.work(capacity)[self.known].sum()) / max(STEP_SECONDS, int(self.known.sum()) * STEP_SECONDS)

    def times(self, factor: float) -> Arrivals:
        """The same traffic, so many times as large: each request stands for ``factor``."""
        requests, inputs, outputs = (
            column * factor for column in (self.requests, self.input_tokens, self.output_tokens)
        )
        of_tenants = None if self.tenant_requests is None else self.tenant_requests * np.float32(factor)
        return Arrivals(requests, inputs, outputs, self.known, self.tenants, of_tenants)

    def answered(self, seconds: float) -> Arrivals:
        """Output tokens evenly over the time that a mean answer takes, instead of all at once.

        A replica computes the tokens of an answer one after the other, so that a burst needs room for its requests at
        once and their work only in time. The last answers of the trace go beyond its end.
        """
        steps = min(len(self.requests), max(1, round(seconds / STEP_SECONDS)))
        total = np.concatenate((np.zeros(steps), self.output_tokens.cumsum()))
        return replace(self, output_tokens=(total[steps:] - total[:-steps]) / steps)

    def since(self, step: int) -> Arrivals:
        """Without what came before; an even step."""
        of_tenants = None if self.tenant_requests is None else self.tenant_requests[:, step:]
        columns = (self.requests[step:], self.input_tokens[step:], self.output_tokens[step:], self.known[step:])
        return Arrivals(*columns, self.tenants, of_tenants)

    @staticmethod
    def of(times: Numbers, input_tokens: Numbers, output_tokens: Numbers) -> Arrivals:
        """Single requests.

        Args:
            times: seconds; they need not start at 0 nor be in order.
            input_tokens: of each request.
            output_tokens: of each request.
        """
        places = ((times - times.min()) // STEP_SECONDS).astype(int)
        steps = int(places.max()) // 2 * 2 + 2

        def binned(values: Numbers | None) -> Numbers:
            return np.bincount(places, values, minlength=steps).astype(float)

        return Arrivals(binned(None), binned(input_tokens), binned(output_tokens), np.ones(steps, dtype=bool))
