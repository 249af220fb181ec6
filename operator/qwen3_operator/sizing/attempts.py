"""One thing to try where a spec does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.sizing.search import Assigned

if TYPE_CHECKING:
    from qwen3_operator.sizing.needs import Wanted

Words = Callable[[Sequence[Assigned]], str]
"""A change in words, given what was found."""


class Attempt(NamedTuple):
    """Something else to look for, and the change that it is."""

    wanted: Wanted
    words: Words


def says(words: str) -> Words:
    """Words that do not depend on what was found."""
    return lambda _: words


def both(first: Words, second: Words) -> Words:
    """Two changes together."""
    return lambda assigned: f"{first(assigned)} and {second(assigned)}"
