"""A queue as a fluid: requests that can still meet their target go first, those that are late already yield."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Queue(NamedTuple):
    """Waiting work in replica-seconds, one number per fleet."""

    on_time: Numbers
    late: Numbers


def serve(queue: Queue, work: float, replicas: Numbers, seconds: float, wait: float) -> tuple[Queue, Numbers]:
    """The queue after a span of time, and the share of the arrived work that became late.

    Args:
        queue: before.
        work: that arrives, in replica-seconds.
        replicas: that serve.
        seconds: of the span.
        wait: how long a request may wait and still meet its target.
    """
    asked = queue.on_time + work
    done = replicas * seconds
    waiting = np.maximum(0.0, asked - done)
    on_time = np.minimum(waiting, replicas * wait)
    excess = waiting - on_time
    late = np.maximum(0.0, queue.late - np.maximum(0.0, done - asked)) + excess
    share = np.minimum(1.0, excess / work) if work > 0 else np.zeros_like(excess)
    return Queue(on_time, late), share
