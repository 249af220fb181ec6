"""``replay --plot``: replicas against demand, and what was late, one row per policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.cli.errors import InputError
from qwen3_operator.scaling.simulate import STEP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from qwen3_operator.scaling.queue import Numbers
    from qwen3_operator.scaling.simulate import Run, Setting

_KINDS = frozenset({".png", ".svg", ".pdf"})
_WIDTH, _ROW = 13.0, 2.6
"""Inches."""
_DEMAND, _PAID, _READY, _LATE, _FEWEST = "#4c78a8", "#f2b701", "#2f2f2f", "#d62728", "#59a14f"
_POINTS = 1500
"""Across the picture."""
_MANY = 0.01
"""Share of late requests that is marked."""


def checked(path: str) -> None:
    """Refuse a kind of file that is not drawn, before the work is done."""
    if Path(path).suffix.lower() not in _KINDS:
        raise InputError(f"--plot {path}: the name must end in {', '.join(sorted(_KINDS))}")


def plot(path: str, setting: Setting, runs: Mapping[str, Run]) -> None:
    """Write a picture with one row per policy.

    Raises:
        InputError: a folder that cannot be written, or matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # a second to import, and only this needs it
    except ImportError as error:
        raise InputError("--plot needs matplotlib: pip install 'qwen3-serving[cli]'") from error
    figure = Figure(figsize=(_WIDTH, _ROW * len(runs) + 0.6), layout="constrained")
    rows = figure.subplots(len(runs), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    for axes, (name, run) in zip(rows, runs.items(), strict=True):
        _row(axes, name, setting, run)
    rows[0].set_ylim(bottom=0)
    rows[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=5, fontsize=8, frameon=False)
    rows[-1].set_xlabel("hours")
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise InputError(f"--plot {path} cannot be written: {error.strerror or error}") from error


def _row(axes: Axes, name: str, setting: Setting, run: Run) -> None:
    steps = len(run.ready)
    width = max(2, -(-steps // _POINTS))
    begins = np.arange(0, steps, width)
    lengths = np.diff(np.append(begins, steps))
    hours = begins * STEP_SECONDS / 3600

    def mean(values: Numbers) -> Numbers:
        return np.add.reduceat(values, begins) / lengths

    demand = mean(setting.arrivals.work(setting.unit)) / STEP_SECONDS
    sizes = np.array([setting.sizes[one.placement] for one in setting.capacities])
    late = np.add.reduceat(run.missed, begins) / np.maximum(np.add.reduceat(setting.arrivals.requests, begins), 1e-9)
    axes.fill_between(hours, demand, color=_DEMAND, alpha=0.55, linewidth=0, label="work that arrives")
    axes.plot(hours, mean(run.replicas @ sizes), color=_PAID, linewidth=1.3, label="paid for", drawstyle="steps-post")
    axes.plot(hours, mean(run.ready), color=_READY, linewidth=1.0, label="ready", drawstyle="steps-post")
    if setting.timetable is not None:
        axes.plot(hours, mean(setting.fewest), color=_FEWEST, linewidth=1.0, linestyle=":", label="fewest by schedule")
    axes.set_title(name, loc="left", fontweight="bold")
    axes.set_ylabel(f"replicas of {setting.unit.placement}")
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.fill_between(
        hours, 0, np.where(late > _MANY, 1.0, 0.0), transform=axes.get_xaxis_transform(), color=_LATE, alpha=0.18,
        linewidth=0, step="post", label="more than 1 % late",
    )  # fmt: skip
