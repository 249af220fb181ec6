"""Exit codes that scripts read, and the error that ends a command with one sentence instead of a traceback."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

BAD_INPUT = 2
"""An argument, a file or a cluster that cannot be read."""
NOTHING_FITS = 3
"""The question was understood, and no placement answers it."""

_Parameters = ParamSpec("_Parameters")


class InputError(Exception):
    """What was given is wrong; the text says what, where, and what would be right."""


def command(function: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """Make a command end with exit code 2 and the error's text on standard error."""

    @wraps(function)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except InputError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from error

    return guarded
