"""From a spec, an inventory and the catalog to a plan: pure, and explained."""

from qwen3_operator.sizing.cost import cost_of
from qwen3_operator.sizing.failure import FailureReason, PlanFailure
from qwen3_operator.sizing.judge import Judged
from qwen3_operator.sizing.needs import spec_digest
from qwen3_operator.sizing.planner import Evaluation, evaluate, has_room, plan, with_counts, with_replicas
from qwen3_operator.sizing.reasons import Reason
from qwen3_operator.sizing.thinking import thinking_failure

__all__ = [
    "Evaluation",
    "FailureReason",
    "Judged",
    "PlanFailure",
    "Reason",
    "cost_of",
    "evaluate",
    "has_room",
    "plan",
    "spec_digest",
    "thinking_failure",
    "with_counts",
    "with_replicas",
]
