"""What a chat request asks of thinking, and how the engine is told. Pure.

Fields, all of them optional: ``chat_template_kwargs.enable_thinking`` (the model cards), ``enable_thinking`` and
``thinking_budget`` (Qwen's own API: alibabacloud.com/help/en/model-studio/deep-thinking), ``reasoning_effort``
(OpenAI). ``/think`` and ``/no_think`` in a message are the model's to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen3_runtime.config import Thinking, ThinkingMode
from qwen3_runtime.server.errors import ErrorAnswer, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENABLE = "enable_thinking"
BUDGET = "thinking_budget"
OWN_FIELDS = (ENABLE, BUDGET)
"""Fields that the engine does not know."""
EFFORT_SHARES: Mapping[str, float] = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95}
"""Share of the most thinking that an effort stands for (openrouter.ai/docs/guides/best-practices/reasoning-tokens);
others are all of it."""


@dataclass(frozen=True)
class ThinkingRules:
    """What model, engine and deployment make of thinking."""

    model: str
    """Name for messages."""
    mode: ThinkingMode
    default: Thinking
    """For hybrid models, where a request says nothing."""
    most_tokens: int | None
    """Ceiling of the deployment; None: thoughts have no limit and cannot get one."""
    limit: Callable[[int], Mapping[str, Any] | None]
    """Fields by which the engine ends a thought after so many tokens; None: it cannot."""


def settle(request: dict[str, Any], rules: ThinkingRules) -> dict[str, Any] | ErrorAnswer:
    """The request as the engine takes it, the same object where nothing has to change; or why it cannot be met."""
    asked = _asked(request)
    if isinstance(asked, ErrorAnswer):
        return asked
    if (problem := _mode_problem(asked, rules)) is not None:
        return problem
    thinks = will_think(asked, rules)
    changes: dict[str, Any] = {}
    if rules.mode is ThinkingMode.HYBRID and _template(request).get(ENABLE) is None:
        changes["chat_template_kwargs"] = _template(request) | {ENABLE: thinks}
    if thinks:
        limit = _limit(request, rules)
        if isinstance(limit, ErrorAnswer):
            return limit
        changes |= limit
    if not changes and not any(name in request for name in OWN_FIELDS):
        return request
    return {name: value for name, value in request.items() if name not in OWN_FIELDS} | changes


def thinks(settled: Mapping[str, Any], rules: ThinkingRules) -> bool:
    """Whether the answer to a request that `settle` has looked at begins with a thought."""
    return will_think(_template(settled).get(ENABLE), rules)


def check_prompt(request: Mapping[str, Any]) -> ErrorAnswer | None:
    """Why a request with a plain prompt is refused: nobody knows where its thought begins."""
    for name in OWN_FIELDS:
        if request.get(name) is not None:
            return invalid("unsupported_parameter", f"`{name}` is for /v1/chat/completions.", name)
    return None


def _asked(request: Mapping[str, Any]) -> bool | ErrorAnswer | None:
    """Whether the request wants thinking; None: it does not say. What names thinking itself wins over an effort."""
    budget = request.get(BUDGET)
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int) or budget < 0):
        return invalid("invalid_value", f"`{BUDGET}` must be a whole number of tokens, 0 or more.", BUDGET)
    for name, fields in ((f"chat_template_kwargs.{ENABLE}", _template(request)), (ENABLE, request)):
        value = fields.get(ENABLE)
        if value is not None and not isinstance(value, bool):
            return invalid("invalid_value", f"`{name}` must be true or false.", name)
        if value is True and budget == 0:
            return invalid("invalid_value", f"`{BUDGET}: 0` and `{name}: true` contradict each other.", BUDGET)
        if value is not None:
            return value
    if budget == 0:
        return False
    effort = _effort(request)
    return None if effort is None else effort != "none"


def will_think(asked: bool | None, rules: ThinkingRules) -> bool:  # noqa: FBT001 - a state, not a switch
    """Whether the answer begins with a thought."""
    if rules.mode is ThinkingMode.HYBRID:
        return rules.default is Thinking.ENABLED if asked is None else asked
    return rules.mode is ThinkingMode.ALWAYS


def _mode_problem(asked: bool | None, rules: ThinkingRules) -> ErrorAnswer | None:  # noqa: FBT001 - the same
    if asked is True and rules.mode is ThinkingMode.NEVER:
        return invalid("unsupported_value", f"{rules.model} never thinks: leave thinking out of the request.")
    if asked is False and rules.mode is ThinkingMode.ALWAYS:
        return invalid("unsupported_value", f"{rules.model} always thinks: leave thinking out of the request.")
    return None


def _limit(request: Mapping[str, Any], rules: ThinkingRules) -> Mapping[str, Any] | ErrorAnswer:
    """Fields that end the thought: after the least of what request, effort and deployment allow."""
    budget = request.get(BUDGET) or None
    if rules.most_tokens is None:
        if budget is None:
            return {}
        message = f"`{BUDGET}` cannot be met: the deployment does not set spec.thinking.maxBudgetTokens."
        return invalid("unsupported_parameter", message, BUDGET)
    if request.get("continue_final_message"):
        message = f"`continue_final_message` needs `{ENABLE}: false` on a deployment that limits thinking."
        return invalid("unsupported_parameter", message, "continue_final_message")
    share = max(1, int(rules.most_tokens * _share(_effort(request))))
    return rules.limit(min(share, budget or share)) or {}


def _effort(request: Mapping[str, Any]) -> object:
    """OpenAI's effort, as a field of its own or inside ``reasoning``, which wins as it does in the engine."""
    reasoning = request.get("reasoning")
    inner = reasoning.get("effort") if isinstance(reasoning, dict) else None
    return request.get("reasoning_effort") if inner is None else inner


def _share(effort: object) -> float:
    """Of the ceiling. A number is the share itself; what is no effort at all is refused by the engine."""
    if isinstance(effort, str):
        return EFFORT_SHARES.get(effort, 1.0)
    return float(effort) if isinstance(effort, int | float) and 0 <= effort <= 1 else 1.0


def _template(request: Mapping[str, Any]) -> dict[str, Any]:
    template = request.get("chat_template_kwargs")
    return template if isinstance(template, dict) else {}
