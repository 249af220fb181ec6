"""Arguments of the chat template that every request gets which does not say. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qwen3_runtime.config import Thinking, ThinkingMode

if TYPE_CHECKING:
    from qwen3_runtime.config import RuntimeConfig


def template_flags(flag: str, config: RuntimeConfig) -> tuple[str, ...]:
    """The engine's ``flag`` with the arguments; nothing where the template's own defaults are what is wanted.

    Only templates of hybrid models have a switch for thinking, and it is on.
    """
    hybrid = (config.thinking_mode or ThinkingMode.HYBRID) is ThinkingMode.HYBRID
    if hybrid and config.thinking is Thinking.DISABLED:
        return (flag, json.dumps({"enable_thinking": False}))
    return ()
