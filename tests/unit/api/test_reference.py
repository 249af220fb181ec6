from __future__ import annotations

from pathlib import Path

from qwen3_operator.api import reference

PAGE = Path(__file__).parents[3] / "docs" / "reference.md"


def test_committed_page_is_what_the_types_say() -> None:
    assert reference.main(["--check", "--out", str(PAGE)]) == 0


def test_every_spec_field_has_a_meaning() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `spec.")]
    assert len(rows) > 20
    without = [row for row in rows if row.split("|")[3].strip() == "" or row.split("|")[3].strip().startswith("(")]
    assert without == []
