"""SGLang's flags that depend on what kind of model it is: parsers of its output, and what it gives.

Parsers: SGLang 0.5.23 parser/reasoning_parser.py and function_call/function_call_parser.py; which family writes how:
SGLang's cookbook (Qwen3.mdx, Qwen3-Coder.mdx, Qwen3.8.mdx) and Qwen3's concepts.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.config import RuntimeConfig, Task, ThinkingMode, ToolCallFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

RERANKER_TEMPLATE = Path(__file__).parent / "qwen3_reranker.jinja"
"""The engine scores "yes" against "no" after this prompt; the repositories bring the chat template instead."""

_REASONING_PARSERS: Mapping[ThinkingMode, tuple[str, ...]] = {
    ThinkingMode.HYBRID: ("--reasoning-parser", "qwen3"),
    # The template opens <think> itself, so that only </think> is in the output.
    ThinkingMode.ALWAYS: ("--reasoning-parser", "qwen3-thinking"),
    ThinkingMode.NEVER: (),
}
_TOOL_CALL_PARSERS: Mapping[ToolCallFormat, str] = {ToolCallFormat.JSON: "qwen", ToolCallFormat.XML: "qwen3_coder"}


def model_flags(config: RuntimeConfig) -> tuple[str, ...]:
    """Flags for the model's task, thinking and tool calls."""
    if config.task is Task.EMBED:
        return ("--is-embedding",)
    if config.task is Task.RERANK:
        return ("--chat-template", str(RERANKER_TEMPLATE))
    mode = config.thinking_mode or ThinkingMode.HYBRID
    flags = (
        *_REASONING_PARSERS[mode],
        *("--tool-call-parser", _TOOL_CALL_PARSERS[config.tool_call_format or ToolCallFormat.JSON]),
    )
    if config.max_thinking_tokens is not None and mode is not ThinkingMode.NEVER:
        # Costs every request a mask per token, so it is not set without need (docs/thinking.md).
        flags += ("--enable-strict-thinking",)
    return flags
