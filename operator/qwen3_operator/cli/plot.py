"""``plan --plot``: memory per device as stacked bars, and cost against latency, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.plot_data import PARTS, apart, bars, frontier, named, points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from qwen3_operator.cli.answers import Answer
    from qwen3_operator.cli.plot_data import Bar, Point

_COLOURS = ("#4c78a8", "#e45756", "#72b7b2", "#54a24b", "#eeca3b", "#b279a2", "#e6e6e6")
_CHOSEN, _PALE, _OVER = "#d62728", "#9a9a9a", "#d62728"
_LEADER = {"arrowstyle": "-", "color": _PALE, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 5, "relpos": (0, 0.5)}
_KINDS = frozenset({".png", ".svg", ".pdf"})
_WIDTH, _HALF, _ROW, _HEAD = 16.0, 10.0, 0.34, 2.0
"""Inches: of the picture, of one without latencies, of one bar, of what stands around the bars."""
_FEWEST = 4
"""Bars for which there is room beside latencies, where there are fewer."""
_VISIBLE = 0.1
"""GB of a part that is worth an entry in the legend."""
_LINE = 0.2
"""Inches between labels."""
_DOTS = 0.55
"""Part of the axis that dots have; beside them stand their labels."""
_REACH = 1.5
"""How far the axes go beyond what has a label; what lies farther off is no alternative."""


def plot(path: str, answers: Sequence[Answer]) -> None:
    """Write a picture with one row per document.

    Raises:
        InputError: a kind of file that is not drawn, a folder that cannot be written, matplotlib is missing.
    """
    if Path(path).suffix.lower() not in _KINDS:
        raise InputError(f"--plot {path}: the name must end in {', '.join(sorted(_KINDS))}")
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import, and only this needs it
    except ImportError as error:
        raise InputError("--plot needs matplotlib: pip install 'qwen3-serving[cli]'") from error
    drawn = [bars(answer.evaluation) for answer in answers]
    timed = [points(answer.evaluation) for answer in answers]
    rows = [max(len(found), _FEWEST if some else 1) for found, (some, _) in zip(drawn, timed, strict=True)]
    heights = [_HEAD + _ROW * count for count in rows]
    widths = (5, 4) if any(found for found, _ in timed) else (1,)
    figure = Figure(figsize=(_WIDTH if len(widths) > 1 else _HALF, sum(heights)), layout="constrained")
    axes = figure.subplots(len(answers), len(widths), squeeze=False, height_ratios=heights, width_ratios=widths)
    for answer, found, (some, priced), count, height, row in zip(
        answers, drawn, timed, rows, heights, axes, strict=True
    ):
        _memory(row[0], found, count, f"{answer.document.namespace}/{answer.document.name}")
        if some:
            room = int((height - _HEAD / 2) / _LINE)
            _frontier(row[1], some, named(some, found, room), 1 / room, priced=priced)
        elif len(widths) > 1:
            row[1].remove()
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise InputError(f"--plot {path} cannot be written: {error.strerror or error}") from error


def _memory(axes: Axes, found: Sequence[Bar], rows: int, name: str) -> None:
    """``rows`` is the number of bars that there is room for."""
    axes.set_title(f"{name}: memory per device", loc="left", fontweight="bold")
    if not found:
        _say(axes, "no candidate reaches the question of memory")
        return
    places = range(len(found))
    for part, (label, colour) in enumerate(zip(PARTS, _COLOURS, strict=True)):
        sizes = [bar.parts[part] for bar in found]
        if max(sizes) > _VISIBLE:
            lefts = [sum(bar.parts[:part]) for bar in found]
            axes.barh(places, sizes, left=lefts, height=0.62, color=colour, label=label)
    for place, bar in zip(places, found, strict=True):
        axes.vlines(bar.total, place - 0.42, place + 0.42, color="black", linewidth=1.6)
        over = sum(bar.parts) > bar.total * 1.0001
        text = f"{bar.note}: {sum(bar.parts):.0f} of {bar.total:.0f} GB" if over else bar.note
        end = max(bar.total, sum(bar.parts))
        axes.annotate(
            text, (end, place), (5, 0), textcoords="offset points", va="center", fontsize=8,
            color=_OVER if over else "black", fontweight="bold" if bar.chosen else "normal",
        )  # fmt: skip
    axes.set_yticks(places, [bar.label for bar in found], fontsize=9)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xlim(0, max(max(bar.total, sum(bar.parts)) for bar in found) * 1.32)
    axes.set_xlabel("GB; the black line is what the device has")
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1), borderaxespad=2.8, ncols=len(PARTS), fontsize=8, frameon=False
    )
    axes.spines[["top", "right"]].set_visible(False)


def _frontier(axes: Axes, found: Sequence[Point], told: Sequence[Point], line: float, *, priced: bool) -> None:
    """``told`` are those with a label, which takes ``line`` of the axis."""
    axes.set_title("cost and latency", loc="left", fontweight="bold")
    shown = told or found
    dearest = min(max(p.price for p in found), _REACH * max(p.price for p in shown))
    slowest = min(max(p.seconds for p in found), _REACH * max(p.seconds for p in shown))
    near = [point for point in found if point.price <= dearest and point.seconds <= slowest]
    kinds = ((False, "x", _PALE, "misses a target, the budget or room"), (True, "o", _COLOURS[0], "works"))
    for works, marker, colour, label in kinds:
        some = [point for point in near if point.works is works and not point.chosen]
        style: dict[str, Any] = {"marker": marker, "color": colour}
        _scatter(axes, [point for point in some if point not in told], alpha=0.3, **style)
        _scatter(axes, [point for point in some if point in told], **style)
        if some:
            axes.scatter([], [], label=label, **style)  # for the legend
    chosen = [point for point in near if point.chosen]
    _scatter(axes, chosen, marker="*", s=190, color=_CHOSEN, label="chosen", zorder=3)
    if len({point.model for point in found}) == 1:
        best = frontier(found)
        axes.plot([p.price for p in best], [p.seconds for p in best], color=_COLOURS[0], linewidth=1, zorder=1)
    axes.set_xlim(0, dearest / _DOTS)
    axes.set_ylim(0, 1.15 * slowest)
    axes.set_xticks([place for place in axes.get_xticks() if place <= dearest])
    _label(axes, told, line)
    axes.set_xlabel("per hour, all replicas" if priced else "devices, all replicas (no prices)", loc="left")
    axes.set_ylabel("seconds per request")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), borderaxespad=2.8, ncols=3, fontsize=8, frameon=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _label(axes: Axes, told: Sequence[Point], line: float) -> None:
    """Labels one under the other at the right, each with a line to its dot."""
    highest = axes.get_ylim()[1]
    order = sorted(told, key=lambda point: (point.seconds, point.price))
    heights = apart([point.seconds / highest for point in order], line)
    for point, height in zip(order, heights, strict=True):
        axes.annotate(
            point.label, (point.price, point.seconds), (_DOTS + 0.05, height), textcoords="axes fraction", va="center",
            fontsize=8, fontweight="bold" if point.chosen else "normal", annotation_clip=False,
            arrowprops=_LEADER,
        )  # fmt: skip


def _scatter(axes: Axes, found: Sequence[Point], **style: Any) -> None:
    if found:
        axes.scatter([point.price for point in found], [point.seconds for point in found], **style)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()
