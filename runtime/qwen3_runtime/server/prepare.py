"""From a request's body to what the engine gets: refused, changed, or as it came. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen3_runtime.config import Task, ThinkingMode
from qwen3_runtime.server.checks import check_messages, read_request
from qwen3_runtime.server.errors import ErrorAnswer, adapter_changing
from qwen3_runtime.server.rewrite import rewrite
from qwen3_runtime.server.routes import CHAT, COMPLETIONS, TOKENIZE, Route
from qwen3_runtime.server.sampling import with_defaults
from qwen3_runtime.server.thinking import ThinkingRules, check_prompt, settle, thinks
from qwen3_runtime.server.usage import asks_for_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_runtime.config import RuntimeConfig, Sampling
    from qwen3_runtime.engines.base import Adapter, Missing


@dataclass(frozen=True)
class Served:
    """What this pod serves, and how requests are to be read."""

    model: str
    """Name that requests carry."""
    adapters: Mapping[str, Mapping[str, Any]]
    """Names of its LoRA adapters, and the fields by which the engine knows them."""
    task: Task
    thinking: ThinkingRules
    sampling: Sampling | None
    engine: str
    tokenizes: bool
    """Whether the engine tells how many tokens a chat's prompt has."""
    unsupported: Mapping[str, Missing]
    """Request fields that the engine does not carry out."""
    marks_end: bool
    """Whether the engine ends its streams with ``[DONE]``."""
    changing: frozenset[str] = frozenset()
    """Adapters that are being replaced by others of their names."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that requests may carry."""
        return (self.model, *self.adapters, *self.changing)


def served(config: RuntimeConfig, adapter: Adapter) -> Served:
    """The rules of one pod."""
    rules = ThinkingRules(
        model=config.served_model_name,
        mode=config.thinking_mode or ThinkingMode.HYBRID,
        default=config.thinking,
        most_tokens=config.max_thinking_tokens,
        limit=adapter.thinking_limit,
    )
    return Served(
        model=config.served_model_name,
        adapters=fields_of(config.names[1:], adapter),
        task=config.task or Task.GENERATE,
        thinking=rules,
        sampling=config.sampling if adapter.takes_sampling else None,
        engine=adapter.name,
        tokenizes=adapter.counts_prompts,
        unsupported=adapter.unsupported,
        marks_end=adapter.marks_end,
    )


def fields_of(names: Iterable[str], adapter: Adapter) -> dict[str, Mapping[str, Any]]:
    """Fields by which the engine knows its LoRA adapters."""
    return {name: adapter.adapter_fields(name) or {} for name in names}


@dataclass(frozen=True)
class Prepared:
    """A request on its way to the engine."""

    body: bytes
    model: str
    hide_usage: bool = False
    """Whether the engine was asked to end the stream with its counts, and the client did not ask."""


def prepare(body: bytes, route: Route, served: Served) -> Prepared | ErrorAnswer:
    """The request for the engine, or why it is refused."""
    request = read_request(body, served.names)
    if isinstance(request, ErrorAnswer):
        return request
    if (refusal := _refusal(request, served)) is not None:
        return refusal
    settled: dict[str, Any] | ErrorAnswer = request
    if route.name == COMPLETIONS:
        settled = check_prompt(request) or request
    elif route.name in {CHAT, TOKENIZE}:
        if (refusal := check_messages(request)) is not None:
            return refusal
        settled = settle(request, served.thinking)
        if isinstance(settled, dict):
            settled = with_defaults(settled, served.sampling, thinks=thinks(settled, served.thinking))
    if isinstance(settled, ErrorAnswer):
        return settled
    if fields := served.adapters.get(request["model"]):
        settled = {**settled, **fields}
    hide_usage = served.task is Task.GENERATE and request.get("stream") is True and not asks_for_usage(request)
    if hide_usage:
        settled = settled | {"stream_options": _options(request) | {"include_usage": True}}
    return Prepared(rewrite(body, request, settled), request["model"], hide_usage)


def _refusal(request: Mapping[str, Any], served: Served) -> ErrorAnswer | None:
    if request["model"] in served.changing:
        return adapter_changing(request["model"])
    for name, missing in served.unsupported.items():
        value = request.get(name)
        if value is not None and value not in missing.harmless:
            message = f"{served.engine}, which serves {served.model}, does not carry out `{name}`: {missing.reason}."
            return ErrorAnswer(501, "not_implemented", message, param=name)
    return None


def _options(request: Mapping[str, Any]) -> dict[str, Any]:
    options = request.get("stream_options")
    return options if isinstance(options, dict) else {}
