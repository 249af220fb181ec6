"""What conditions will say, as warnings: the same words, cut into lines. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwen3_operator.scaling.schedules import problems
from qwen3_operator.sizing import PlanFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.api.schedule import Schedule
    from qwen3_operator.api.status import PlanStatus

MAX_LENGTH = 256
"""Of one warning; above it the API server may cut, and all warnings of a request share 4096
(k8s.io/apiserver/pkg/endpoints/filters/warning.go)."""
MAX_WARNINGS = 4
_SENTENCE_END = re.compile(r"(?<=[.?!]) (?=[A-Z0-9])")


def warnings(found: PlanStatus | PlanFailure) -> tuple[str, ...]:
    """Of ``Planned``: nothing where there is a plan; else the reason, what is missing, and last what would fit."""
    if not isinstance(found, PlanFailure):
        return ()
    lines = _lines(f"{found.reason}: {found.message}")
    return tuple(lines if len(lines) <= MAX_WARNINGS else [*lines[: MAX_WARNINGS - 1], lines[-1]])


def schedule_warnings(schedules: Sequence[Schedule]) -> tuple[str, ...]:
    """Of the condition ``Autoscaling``: zones and times that no rule of the CRD can judge."""
    lines = [line for problem in problems(schedules) for line in _lines(f"InvalidSchedule: {problem}")]
    return tuple(lines[:MAX_WARNINGS])


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
