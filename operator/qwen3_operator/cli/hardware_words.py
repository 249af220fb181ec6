"""Hardware in a few words: ``2x8 H100-SXM @2.50, 1x8 Ascend-910B3``."""

from __future__ import annotations

import re

from qwen3_operator.catalog import CPU
from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.hardware import Hardware, entry_of

_WORDS = re.compile(
    r"^(?:(?P<nodes>\d+)\s*[x\u00d7]\s*)?"
    r"(?:(?P<devices>\d+)\s+|(?P<memory>\d+[MGT]i)\s+)?"
    r"(?P<accelerator>\d{3,4}\w*|(?!x\b)[A-Za-z][\w.-]*(?: [\w.-]+)*)"
    r"(?:\s*@\s*[$€£¥]?\s*(?P<price>\d+(?:\.\d+)?))?$",
    re.IGNORECASE,
)
"""A multiplication sign does for the x, blanks do in a name, and so does its number alone: RTX 4090, 4090."""
_EXAMPLE = "2x8 H100-SXM, 1x8 Ascend-910B3 @1.40"
_USUAL = 8
"""Devices of most nodes, for an example."""


def parsed(text: str) -> list[Hardware]:
    """Entries of nodes x devices, accelerator, price per device hour.

    Raises:
        InputError: a part that is not of this form, or does not say how many devices a node has.
    """
    found: list[Hardware] = []
    for part in (part.strip() for part in text.split(",")):
        if not (match := _WORDS.match(part)):
            raise InputError(f"hardware {part!r} is not 'NODESxDEVICES ACCELERATOR [@PRICE]', as in: {_EXAMPLE}")
        name = match["accelerator"]
        if match["devices"] is None and name.upper() != CPU:
            raise InputError(f"hardware {part!r} does not say how many devices a node has: {_either(match, name)}")
        found.append(entry_of({key: value for key, value in match.groupdict().items() if value}, f"hardware {part!r}"))
    return found


def _either(match: re.Match[str], name: str) -> str:
    """What one number, or none, may have meant."""
    count = int(match["nodes"] or 1)
    if count == 1:
        return f"1x{_USUAL} {name} is one node with {_USUAL} of them"
    one, several = f"1x{count} {name} is one node with {count} of them", f"{count}x{_USUAL} {name}"
    return f"{one}, {several} are {count} nodes with {_USUAL} each"
