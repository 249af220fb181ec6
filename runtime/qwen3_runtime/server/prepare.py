"""From a request's body to what the engine gets: refused, changed, or as it came. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.config import Task, ThinkingMode
from qwen3_runtime.server.checks import read_request
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.rewrite import rewrite
from qwen3_runtime.server.routes import CHAT, COMPLETIONS, Route
from qwen3_runtime.server.thinking import ThinkingRules, check_prompt, settle

if TYPE_CHECKING:
    from qwen3_runtime.config import RuntimeConfig
    from qwen3_runtime.engines.base import Adapter


@dataclass(frozen=True)
class Served:
    """What this pod serves, and how requests are to be read."""

    model: str
    """Name that requests carry."""
    task: Task
    thinking: ThinkingRules


def served(config: RuntimeConfig, adapter: Adapter) -> Served:
    """The rules of one pod."""
    rules = ThinkingRules(
        model=config.served_model_name,
        mode=config.thinking_mode or ThinkingMode.HYBRID,
        default=config.thinking,
        most_tokens=config.max_thinking_tokens,
        limit=adapter.thinking_limit,
    )
    return Served(config.served_model_name, config.task or Task.GENERATE, rules)


def prepare(body: bytes, route: Route, served: Served) -> bytes | ErrorAnswer:
    """The body for the engine, or why the request is refused."""
    request = read_request(body, served.model)
    if isinstance(request, ErrorAnswer):
        return request
    if route.name == COMPLETIONS:
        return check_prompt(request) or body
    if route.name != CHAT:
        return body
    settled = settle(request, served.thinking)
    return settled if isinstance(settled, ErrorAnswer) else rewrite(body, request, settled)
