"""One thing to try where a spec does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.search import Assigned


class Attempt(NamedTuple):
    """Something else to look for, and the change in words, given what was found."""

    wanted: Wanted
    words: Callable[[Sequence[Assigned]], str]


def says(words: str) -> Callable[[Sequence[Assigned]], str]:
    """Words that do not depend on what was found."""
    return lambda _: words
