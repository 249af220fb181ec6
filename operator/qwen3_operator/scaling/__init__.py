"""How many replicas a deployment needs: pure, without knobs, and explained."""

from qwen3_operator.scaling.decide import decide
from qwen3_operator.scaling.state import State
from qwen3_operator.scaling.types import (
    PERIOD_SECONDS,
    Capacity,
    Counters,
    Decision,
    Fleet,
    Observation,
    Policy,
    QueueOrder,
    Rule,
    Seen,
    Stop,
)

__all__ = [
    "PERIOD_SECONDS",
    "Capacity",
    "Counters",
    "Decision",
    "Fleet",
    "Observation",
    "Policy",
    "QueueOrder",
    "Rule",
    "Seen",
    "State",
    "Stop",
    "decide",
]
