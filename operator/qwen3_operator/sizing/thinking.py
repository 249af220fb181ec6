"""Does the model think as the spec asks?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import ThinkingDefault
from qwen3_operator.sizing.failure import FailureReason, PlanFailure

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog, Model
    from qwen3_operator.catalog.engines import Engine

_WHEN = {"Hybrid": "on request", "Always": "always", "Never": "never"}
_MARKS = ("-Thinking", "-Instruct")
"""In the names of models that think always or never; what stands before is the family's name."""


def thinking_problem(spec: DeploymentSpec, model: Model, catalog: Catalog) -> str | None:
    """Which field of ``spec.thinking`` the model cannot meet, and which models could; None where it meets all."""
    asked = spec.thinking
    if model.thinking == "Always" and asked.default is ThinkingDefault.DISABLED:
        return f"spec.thinking.default: Disabled has no effect: {model.name} always thinks{_instead(model, catalog)}"
    if model.thinking != "Never":
        return None
    for is_set, field in (
        (asked.default is ThinkingDefault.ENABLED, "default: Enabled"),
        (asked.max_budget_tokens is not None, f"maxBudgetTokens: {asked.max_budget_tokens}"),
    ):
        if is_set:
            return f"spec.thinking.{field} has no effect: {model.name} never thinks{_instead(model, catalog)}"
    return None


def budget_problem(spec: DeploymentSpec, engine: Engine, catalog: Catalog) -> str | None:
    """Why the engine cannot keep thoughts within ``spec.thinking.maxBudgetTokens``; None where it can or need not."""
    budget = spec.thinking.max_budget_tokens
    if budget is None or engine.limits_thinking:
        return None
    able = " or ".join(dict.fromkeys(other.name for other in catalog.engines.values() if other.limits_thinking))
    return (
        f"spec.thinking.maxBudgetTokens: {budget} has no effect: {engine.name} ends no thought at a number of tokens. "
        f"Leave it out, or take {able} (spec.engine.name) and a format that it runs"
    )


def thinking_failure(spec: DeploymentSpec, model: Model, catalog: Catalog) -> PlanFailure | None:
    """The same as the planner's answer."""
    problem = thinking_problem(spec, model, catalog)
    return PlanFailure(FailureReason.THINKING_UNSUPPORTED, problem) if problem else None


def _instead(model: Model, catalog: Catalog) -> str:
    """Models of the same family that think in another way, as the end of a sentence."""
    others = [
        f"{other.name} (thinks {_WHEN[other.thinking]})"
        for other in catalog.models.values()
        if other.thinking != model.thinking and _family(other.name) == _family(model.name)
    ]
    return f". Leave it out, or take {' or '.join(others)}" if others else ". Leave it out"


def _family(name: str) -> str:
    return min((name.split(mark, maxsplit=1)[0] for mark in _MARKS), key=len)
