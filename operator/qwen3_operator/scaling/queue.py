"""A queue as a fluid, in order of deadlines or of arrival."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qwen3_operator.scaling.types import QueueOrder

Numbers = NDArray[np.float64]
_NEARLY_NONE = 1e-9
_ZERO, _ONE = np.zeros(()), np.ones(())
"""As arrays: to take a Python number apart costs as long as to reckon with ninety of them."""


class Queue(NamedTuple):
    """Waiting work in replica-seconds, one number per fleet. In order of arrival all of it is ``on_time``."""

    on_time: Numbers
    late: Numbers


def serve(
    queue: Queue, work: float, replicas: Numbers, seconds: float | Numbers, wait: float | Numbers, *, order: QueueOrder
) -> tuple[Queue, Numbers]:
    """The queue after a span of time, and the share of the arrived work that became late.

    Args:
        queue: before.
        work: that arrives, in replica-seconds.
        replicas: that serve.
        seconds: of the span.
        wait: how long a request may wait and still meet its target.
        order: of service.
    """
    amount = np.asarray(work)
    over = queue.on_time + amount - replicas * seconds
    waiting = np.maximum(over, _ZERO)
    if order is QueueOrder.FIFO:
        share = _beyond(queue.on_time / replicas, waiting / replicas, wait)
        return Queue(waiting, queue.late), share if work > 0 else np.zeros_like(share)
    on_time = np.minimum(waiting, replicas * wait)
    excess = waiting - on_time
    late = np.maximum(queue.late - (waiting - over), _ZERO) + excess
    share = np.minimum(excess, amount) / amount if work > 0 else np.zeros_like(excess)
    return Queue(on_time, late), share


def _beyond(before: Numbers, after: Numbers, wait: float | Numbers) -> Numbers:
    """Share of a span in which a wait that goes straight from ``before`` to ``after`` is longer than ``wait``."""
    low, high = np.minimum(before, after), np.maximum(before, after)
    share = (high - wait) / np.maximum(high - low, _NEARLY_NONE)
    return np.asarray(np.minimum(np.maximum(share, _ZERO), _ONE))


class Waiting(NamedTuple):
    """The queue of one fleet on plain numbers, which is ten times as fast for it."""

    on_time: float
    late: float

    def after(
        self, work: float, ready: float, seconds: float, wait: float, *, order: QueueOrder
    ) -> tuple[Waiting, float]:
        """As ``serve``."""
        asked, done = self.on_time + work, ready * seconds
        waiting = asked - done if asked > done else 0.0
        if order is QueueOrder.FIFO:
            return Waiting(waiting, self.late), _share_beyond(self.on_time, waiting, ready * wait) if work > 0 else 0.0
        limit = ready * wait
        on_time = min(limit, waiting)
        excess = waiting - on_time
        spare = done - asked if done > asked else 0.0
        late = (self.late - spare if self.late > spare else 0.0) + excess
        return Waiting(on_time, late), min(excess, work) / work if work > 0 else 0.0


def _share_beyond(before: float, after: float, limit: float) -> float:
    low, high = min(before, after), max(before, after)
    return min(1.0, max(0.0, (high - limit) / max(high - low, _NEARLY_NONE)))
