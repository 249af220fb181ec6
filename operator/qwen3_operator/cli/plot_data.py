"""What ``plan --plot`` draws, as numbers: memory of candidates, and what they cost and how long they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.sizing import Reason
from qwen3_operator.sizing.judge import nearest
from qwen3_operator.sizing.timing import request_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qwen3_operator.sizing import Evaluation, Judged

MOST_BARS = 16
_LOOKED_AT = 500
_GB = 1e9
_WORKS = frozenset(
    {None, Reason.COSTS_MORE, Reason.MORE_DEVICES, Reason.SLOWER, Reason.LOWER_QUALITY, Reason.OTHER_PREFERRED}
)
PARTS = ("weights", "LoRA adapters", "recurrent state", "KV cache", "engine reserve", "driver, processes", "free")


@dataclass(frozen=True, slots=True)
class Bar:
    """Memory of one device of a candidate, in GB."""

    label: str
    note: str
    """Why it was not taken; ``chosen``."""
    chosen: bool
    total: float
    parts: tuple[float, ...]
    """As ``PARTS``; together more than ``total`` where it does not fit."""


@dataclass(frozen=True, slots=True)
class Point:
    """A candidate whose speed is known."""

    model: str
    label: str
    chosen: bool
    works: bool
    """Whether it meets targets and budget and finds room."""
    price: float
    """Per hour, or devices in all where pools have no prices."""
    seconds: float
    """That a typical request takes under the load."""


def bars(evaluation: Evaluation) -> list[Bar]:
    """The chosen candidates, then the nearest others: of each pool, model and format one that fits and one not."""
    field = evaluation.field
    if field is None:
        return []
    chosen = [one for one in evaluation.candidates if one.chosen]
    kept: dict[tuple[str, str, str, bool], Judged] = {}
    for one in (*chosen, *nearest(field, evaluation.assigned, _LOOKED_AT)):
        if one.fit is not None:
            kept.setdefault((one.pool, one.model, one.quantization, bool(one.fit.missing_bytes)), one)
    several = len({one.model for one in kept.values()}) > 1
    return [_bar(one, several=several) for one in list(kept.values())[:MOST_BARS]]


def points(evaluation: Evaluation) -> tuple[list[Point], bool]:
    """Every candidate with a speed; whether they are compared by price, or else by the number of devices."""
    field = evaluation.field
    rated = [(one, one.rating, one.rating.speed) for one in evaluation.candidates if one.rating]
    known = [(one, rating, speed) for one, rating, speed in rated if speed is not None]
    priced = all(one.cost_per_hour is not None for one, _, _ in known)
    if field is None:
        return [], priced
    several = len({one.model for one, _, _ in known}) > 1
    return [
        Point(
            model=one.model,
            label=_label(one, several=several),
            chosen=one.chosen,
            works=one.reason in _WORKS,
            price=float(one.cost_per_hour or 0) if priced else float(rating.devices),
            seconds=request_seconds(speed, field.wanted.traffic),
        )
        for one, rating, speed in known
    ], priced


def frontier(found: Iterable[Point]) -> list[Point]:
    """The points than which no other works faster at the same price or less, the cheapest first."""
    best: list[Point] = []
    for point in sorted((one for one in found if one.works), key=lambda one: (one.price, one.seconds)):
        if not best or point.seconds < best[-1].seconds:
            best.append(point)
    return best


def named(found: Sequence[Point], shown: Sequence[Bar], most: int) -> list[Point]:
    """The points that get a label, at most so many: chosen ones, then the frontier.

    Of several models the lesser ones are always the cheapest and fastest: those that have a bar are named instead, as
    they are where none works.
    """
    chosen = [point for point in found if point.chosen]
    best = frontier(found) if len({point.model for point in found}) == 1 else []
    if not best:
        fastest: dict[str, Point] = {}
        for point in sorted(found, key=lambda one: (one.seconds, one.price)):
            fastest.setdefault(point.label, point)
        taken = {point.label for point in chosen}
        best = [fastest[bar.label] for bar in shown if bar.label in fastest and bar.label not in taken]
    return [*chosen, *(point for point in best if not point.chosen)][:most]


def apart(heights: Sequence[float], distance: float) -> list[float]:
    """Places from 0 to 1 in the order of ``heights``, as near to them as they can be so far from each other.

    Args:
        heights: From 0 to 1, the lowest first.
        distance: At most what all of them have room for.
    """
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + distance) if placed else height)
    ceiling = 1.0
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - distance
    return placed


def _label(found: Judged, *, several: bool) -> str:
    shape = "" if found.on_cpu else f"{found.shape.devices} x "
    model = f"{found.model} " if several else ""
    return f"{model}{found.quantization}, {shape}{found.accelerator}"


def _bar(found: Judged, *, several: bool) -> Bar:
    fit = found.fit
    if fit is None:
        raise ValueError(f"no memory is known of {found.label}")
    plan = fit.plan
    beside = plan.weights + plan.adapters + plan.state
    cache = plan.kv_cache if not fit.missing_bytes else fit.space.static - beside + fit.missing_bytes
    free = 0 if fit.missing_bytes else plan.free
    held = (plan.weights, plan.adapters, plan.state)
    sizes: Sequence[int] = (*held, max(0, cache), plan.activations, plan.overhead, free)
    note = "chosen" if found.chosen else str(found.reason)
    label = _label(found, several=several)
    return Bar(label, note, found.chosen, plan.total / _GB, tuple(size / _GB for size in sizes))
