"""The planner's answer as warnings: the same words as in the condition ``Planned``, cut into lines. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwen3_operator.sizing import PlanFailure

if TYPE_CHECKING:
    from qwen3_operator.api.status import PlanStatus

MAX_LENGTH = 256
"""Of one warning; above it the API server may cut, and all warnings of a request share 4096
(k8s.io/apiserver/pkg/endpoints/filters/warning.go)."""
MAX_WARNINGS = 4
_SENTENCE_END = re.compile(r"(?<=[.?!]) (?=[A-Z0-9])")


def warnings(found: PlanStatus | PlanFailure) -> tuple[str, ...]:
    """Nothing where there is a plan; else the reason, what is missing, and last the nearest that would fit."""
    if not isinstance(found, PlanFailure):
        return ()
    lines = _lines(f"{found.reason}: {found.message}")
    return tuple(lines if len(lines) <= MAX_WARNINGS else [*lines[: MAX_WARNINGS - 1], lines[-1]])


def _lines(text: str) -> list[str]:
    """Whole sentences, as many on a line as it holds; a longer sentence is cut."""
    lines: list[str] = []
    for sentence in _SENTENCE_END.split(" ".join(text.split())):
        joined = f"{lines[-1]} {sentence}" if lines else sentence
        if lines and len(joined) <= MAX_LENGTH:
            lines[-1] = joined
        else:
            lines.append(sentence if len(sentence) <= MAX_LENGTH else f"{sentence[: MAX_LENGTH - 3].rstrip()}...")
    return lines
