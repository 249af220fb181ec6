"""The catalog's node marks, found by the labels of a node."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.catalog import Accelerator, Catalog, NodeMark


class Marks:
    """An index over one catalog: a node carries few labels, the catalog has many marks."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._by_label: defaultdict[tuple[str, str], list[tuple[int, Accelerator, NodeMark]]] = defaultdict(list)
        marks = ((row, mark) for row in catalog.accelerators.values() for mark in row.nodes)
        for order, (row, mark) in enumerate(marks):
            self._by_label[next(iter(mark.labels.items()))].append((order, row, mark))

    def on(self, labels: Mapping[str, str]) -> list[tuple[Accelerator, NodeMark]]:
        """Accelerators that a node with these labels may have, in the order of the catalog."""
        found = [
            place
            for pair in labels.items()
            if pair in self._by_label
            for place in self._by_label[pair]
            if all(labels.get(key) == value for key, value in place[2].labels.items())
        ]
        return [(row, mark) for _, row, mark in sorted(found, key=lambda place: place[0])]
