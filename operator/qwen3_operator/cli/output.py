"""What goes to standard output: tables for people, JSON and YAML for programs."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer
import yaml
from rich.console import Console
from rich.highlighter import NullHighlighter

if TYPE_CHECKING:
    from rich.console import RenderableType

_PIPED_WIDTH = 132
"""Columns where the output is no terminal and COLUMNS does not say: nothing is cut for a screen that is not there."""


class Format(StrEnum):
    """Of ``-o``."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def console() -> Console:
    """Writes to the current standard output; plain text where that is no terminal."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(file=sys.stdout, width=width, highlighter=NullHighlighter(), markup=False, emoji=False)


def show(*parts: RenderableType) -> None:
    """Print tables and lines, without the blanks with which rich fills lines up."""
    target = console()
    if target.is_terminal:
        target.print(*parts, sep="\n", end="\n")
        return
    with target.capture() as captured:
        target.print(*parts, sep="\n", end="\n")
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def dump(value: Any, form: Format) -> None:
    """Print a value of dictionaries, lists and scalars."""
    if form is Format.JSON:
        typer.echo(json.dumps(value, indent=2))
    else:
        typer.echo(yaml.safe_dump(value, sort_keys=False, width=120, allow_unicode=True), nl=False)


def note(text: str) -> None:
    """Print beside the output, so that pipes stay clean."""
    typer.echo(text, err=True)
