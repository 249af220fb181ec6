"""Names that look like one that is not known."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MODELS_COMMAND = "kubectl qwen3 models"
"""Lists the models of the catalog."""
ACCELERATORS_COMMAND = "kubectl qwen3 accelerators"
"""Lists the accelerators of the catalog."""
_SUGGESTED = 4
"""Names that a message proposes."""
_ALL = 8
"""Names up to which a message that can propose none lists them all."""
_FAMILY = re.compile(r"^qwen[\d.]*-")
_SUFFIX = re.compile(r"(-(instruct|chat|hf))+$")
"""Of names that people know from other models or places."""


def nearest(name: str, known: Iterable[str], command: str = "") -> str:
    """A few known names that look like ``name``, as the end of a sentence; else a few, and what lists them all.

    The organisation of a repository's name is passed over, and how words are joined. The same name comes first, then
    the same without a suffix such as -Instruct, then names that begin with it or hold it, then similar ones.
    """
    names = list(known)
    close = _close(name.rsplit("/", 1)[-1], names)[:_SUGGESTED]
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not names:
        return "none is known"
    if len(names) <= _ALL or not command:
        return f"known are {', '.join(sorted(names))}"
    few = sorted(names, key=lambda found: (len(found), found))[:_SUGGESTED]
    return f"{len(names)} are known, such as {', '.join(few)}: {command} lists them"


def _close(asked: str, known: Sequence[str]) -> list[str]:
    """The first kind of likeness that any has; a plain name before longer ones."""
    whole = _joined(asked)
    stem = _SUFFIX.sub("", whole)
    if not stem:
        return []
    plain = {name: _joined(name) for name in known}
    if same := [name for name in known if plain[name] == whole]:
        return same
    found = [name for name in known if plain[name] == stem]
    found += [name for name in known if plain[name].startswith(whole) and name not in found]
    return (
        found
        or [name for name in known if plain[name].startswith(stem)]
        or sorted((name for name in known if stem in plain[name]), key=len)
        or _similar(_SUFFIX.sub("", _lower(asked)), known)
    )


def _lower(name: str) -> str:
    return re.sub(r"[_\s]+", "-", name.strip().lower())


def _joined(name: str) -> str:
    """Its words in lower case with ``-`` between them."""
    return _lower(name).replace(".", "-")


def _similar(asked: str, known: Iterable[str]) -> list[str]:
    """Names that look like it without the family, which nearly all models share; else those that begin like it."""
    told: dict[str, str] = {}
    for name in known:
        told.setdefault(_FAMILY.sub("", name.lower()), name)
    alike = [told[found] for found in difflib.get_close_matches(_FAMILY.sub("", asked), told, n=3, cutoff=0.5)]
    kind = asked.rpartition("-")[0] + "-"
    return alike or (
        [name for name in told.values() if name.lower().startswith(kind)] if _FAMILY.sub("", kind).strip("-") else []
    )
