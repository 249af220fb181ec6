"""Every reason that the code can put into a condition is explained, and the page explains no others."""

from __future__ import annotations

import re
from pathlib import Path

from qwen3_operator.sizing import FailureReason
from qwen3_runtime.config import TerminationReason

ROOT = Path(__file__).parents[3]
PAGE = "".join((ROOT / "docs" / name).read_text() for name in ("troubleshooting.md", "weights.md"))
MADE_BY = re.compile(
    r"(?:FoundError|FetchError|Diagnosis|Problem|RenderError|Failure)\(\s*\"(\w+)\""
    r"|Verdict\(ConditionStatus\.\w+, \"(\w+)\""
)


def _reasons() -> set[str]:
    sources = [*(ROOT / "operator").rglob("*.py"), *(ROOT / "runtime").rglob("*.py")]
    found = {name for path in sources for match in MADE_BY.findall(path.read_text()) for name in match if name}
    return found | {str(reason) for reason in (*FailureReason, *TerminationReason)}


def test_every_reason_is_explained() -> None:
    reasons = _reasons()
    assert {"NoFit", "FileMissing", "EngineDied", "ImagePullFailed", "Unschedulable"} <= reasons
    assert sorted(reason for reason in reasons if f"`{reason}`" not in PAGE) == []


def test_nothing_else_is_explained() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    explained = {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}
    source = "\n".join(path.read_text() for folder in ("operator", "runtime") for path in (ROOT / folder).rglob("*.py"))
    assert sorted(name for name in explained if f'"{name}"' not in source) == []
