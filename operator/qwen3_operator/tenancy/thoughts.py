"""Whether a tenant's ceiling on thinking holds for the models that it may use. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.reconcile.observed import Verdict
from qwen3_runtime.config import ThinkingMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_operator.tenancy.served import Served

_SENTENCES = 4
"""Of the message, as in the other conditions of a tenant."""


def limited(most: int | None, models: Sequence[Served]) -> Mapping[str, Verdict]:
    """The condition ThinkingLimited; none without a ceiling.

    Args:
        most: spec.thinking.maxTokens of the tenant.
        models: Those that it may use.
    """
    if most is None:
        return {}
    problems = [_problem(most, served) for served in models if not _holds(most, served)]
    if not problems:
        return {"ThinkingLimited": Verdict(ConditionStatus.TRUE, "Limited", f"no thought exceeds {most} tokens")}
    more = f"; and {len(problems) - _SENTENCES} more" if len(problems) > _SENTENCES else ""
    message = f"spec.thinking.maxTokens: {most} has no effect on {'; '.join(problems[:_SENTENCES])}{more}"
    return {"ThinkingLimited": Verdict(ConditionStatus.FALSE, "BudgetsOff", message)}


def _holds(most: int, served: Served) -> bool:
    """A model that thinks on request can be told not to, whatever its deployment sets."""
    return served.can_limit_thinking or (most == 0 and served.thinking is ThinkingMode.HYBRID)


def _problem(most: int, served: Served) -> str:
    owner = f"Qwen3Deployment {served.key.namespace}/{served.key.name}"
    remedy = f"its owner sets spec.thinking.maxBudgetTokens, to {max(1, most)} or more"
    return f"{served.served_name}: {owner} takes no budgets: {remedy}"
