"""The one look of all tables: no lines, bold headings, long cells folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Collection

INDENT = (0, 0, 0, 2)
"""Padding of what belongs to the line above it."""


def plain_table(*columns: str, right: Collection[str] = ()) -> Table:
    """An empty table with these headings; those in ``right`` are aligned to the right and never folded."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        if column in right:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    return table
