"""The tables of the docs that are made from the engine adapters: ``python -m tests.unit.docs.engine_tables``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.engine_metrics import ENGINE_METRICS, EngineMetric
from qwen3_runtime.engines import ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_runtime.engines.base import Adapter

DOCS = Path(__file__).parents[3] / "docs"
_TABLE = re.compile(r"(<!-- table: begin -->\n).*?(<!-- table: end -->)", re.DOTALL)


def pages() -> Mapping[Path, str]:
    """Every page with a table, as it should be."""
    return {DOCS / "metrics.md": _with_table(DOCS / "metrics.md", _metrics())}


def _with_table(page: Path, rows: Iterable[Iterable[str]]) -> str:
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return _TABLE.sub(lambda match: match[1] + table + match[2], page.read_text(encoding="utf-8"))


def _metrics() -> list[list[str]]:
    head = ["metric", "type", "meaning", *ADAPTERS]
    rows = [
        [f"`{metric.name}`", metric.kind, metric.help, *(_source(engine, metric) for engine in ADAPTERS.values())]
        for metric in ENGINE_METRICS
    ]
    return [head, ["---"] * len(head), *rows]


def _source(engine: Adapter, metric: EngineMetric) -> str:
    return f"`{engine.metrics[metric].name}`" if metric in engine.metrics else "-"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
