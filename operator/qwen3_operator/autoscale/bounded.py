"""Bounds of a moment as people see them: in the status and in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qwen3_operator.api.decision import BoundsInForce

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.scaling.schedules import Bounds


def in_force(within: Bounds) -> BoundsInForce:
    """The bounds as they stand in the status."""
    return BoundsInForce(
        min_replicas=within.min_replicas,
        max_replicas=within.max_replicas,
        schedules=within.schedules,
        beginning=within.beginning,
        until=None if within.until is None else stamp(within.until),
    )


def bounded(within: Bounds) -> str:
    """By which schedules, to be put after what they bound; empty without any."""
    until = "" if within.until is None else f" until {stamp(within.until)}"
    words = f", bounded by {_named(within.schedules)}{until}" if within.schedules else ""
    return words + (f", with replicas begun for {_named(within.beginning)}" if within.beginning else "")


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _named(schedules: Sequence[str]) -> str:
    return f"schedule{'s' if len(schedules) > 1 else ''} " + ", ".join(f'"{name}"' for name in schedules)
