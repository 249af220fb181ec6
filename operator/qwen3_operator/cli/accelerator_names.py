"""Accelerators as people write them on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.output import note
from qwen3_operator.sizing.row_names import RowError, accelerator_of

if TYPE_CHECKING:
    from qwen3_operator.catalog import Accelerator, Catalog


def known_accelerator(name: str, catalog: Catalog) -> Accelerator:
    """By catalog name in any case, as benchmark files spell it, or by the part of the name that no other has: 4090.

    What is more than another spelling is noted on standard error, since a spec takes catalog names alone.

    Raises:
        InputError: none is called so; the nearest are named.
    """
    try:
        found = accelerator_of(_whole(name, catalog), catalog)
    except RowError as error:
        raise InputError(str(error)) from error
    if _plain(name) not in (_plain(found.name), *_labels(found)):
        note(f"note: {name} is taken to be {found.name}; spec.hardware.accelerators takes that name only")
    return found


def _whole(name: str, catalog: Catalog) -> str:
    """The one catalog name of which ``name`` is a part with a number, else ``name``."""
    part = _plain(name)
    holders = [known for known in catalog.accelerators if part in _plain(known).split("-")[1:]]
    return holders[0] if len(holders) == 1 and any(letter.isdigit() for letter in part) else name


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "-").replace("_", "-")


def _labels(accelerator: Accelerator) -> tuple[str, ...]:
    """What its nodes call it."""
    return tuple(_plain(value) for mark in accelerator.nodes for value in mark.labels.values())
