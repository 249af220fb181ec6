"""The tables that are made from the adapters are what the adapters say."""

from __future__ import annotations

from qwen3_runtime.engine_metrics import ENGINE_METRICS
from qwen3_runtime.engines import ADAPTERS
from tests.unit.docs.engine_tables import pages


def test_pages_are_current() -> None:
    stale = [path.name for path, text in pages().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "make docs-table renews them"


def test_adapters_keep_the_order_of_the_names() -> None:
    for adapter in ADAPTERS.values():
        assert list(adapter.metrics) == [metric for metric in ENGINE_METRICS if metric in adapter.metrics]
