"""From a spec, an inventory and the catalog to a plan: pure, and explained."""

from qwen3_operator.sizing.failure import FailureReason, PlanFailure
from qwen3_operator.sizing.needs import spec_digest
from qwen3_operator.sizing.planner import plan, with_replicas

__all__ = ["FailureReason", "PlanFailure", "plan", "spec_digest", "with_replicas"]
