"""Predicted against measured, as pictures for docs/accuracy.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from bench.accuracy.errors import Predicted
    from bench.accuracy.open_loop import OpenLoop


def scatter(path: Path, predicted: Sequence[Predicted]) -> None:
    """Three panels: time of a request, time per output token, time to first token; each group a colour."""
    figure, panels = plt.subplots(1, 3, figsize=(15, 5.4), layout="constrained")
    qwen = [found for found in predicted if found[0].table == "Qwen" and found[0].layout.engine == "SGLang"]
    other = [found for found in predicted if found[0].table == "Concurrency" and not found[0].apart]
    _panel(panels[0], "time of a request, s (Qwen's table, SGLang)", [(_model(f), f[0].wall, f[1]) for f in qwen])
    _panel(panels[1], "time per output token, ms", [(f[0].group, 1e3 * f[0].per_token, 1e3 * f[3]) for f in other])
    _panel(panels[2], "time to first token, ms", [(_limited(f), 1e3 * f[0].first_token, 1e3 * f[2]) for f in other])
    figure.suptitle("Predicted without the row's own group, against measured; dashed: 15 % off", fontsize=12)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def open_loop_plot(path: Path, run: OpenLoop) -> None:
    """Both times by request, in order of arrival."""
    figure, panels = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    pairs = (
        ("time to first token, s", run.first_token, run.predicted_first_token, "log"),
        ("time per output token, ms", 1e3 * run.per_token, 1e3 * run.predicted_per_token, "linear"),
    )
    for panel, (title, measured, predicted, scale) in zip(panels, pairs, strict=True):
        panel.plot(measured, ".", label="measured", alpha=0.7)
        panel.plot(predicted, ".", label="replayed", alpha=0.7)
        panel.set(title=title, xlabel="request, by arrival", yscale=scale)
        panel.legend()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _model(found: Predicted) -> str:
    return f"{found[0].layout.model.name} {found[0].layout.quantization}"


def _limited(found: Predicted) -> str:
    return f"{found[0].group}, cache full" if found[0].kv_limited else found[0].group


def _panel(panel: Axes, title: str, points: Sequence[tuple[str, float, float]]) -> None:
    for label in sorted({point[0] for point in points}):
        mine = [point for point in points if point[0] == label]
        panel.plot([p[1] for p in mine], [p[2] for p in mine], ".", label=label, markersize=7, alpha=0.8)
    low, high = min(p[1] for p in points) * 0.8, max(p[1] for p in points) * 1.25
    for factor, style in ((1.0, "-"), (1.15, "--"), (1 / 1.15, "--")):
        panel.plot([low, high], [low * factor, high * factor], style, color="grey", linewidth=0.8)
    panel.set(title=title, xlabel="measured", ylabel="predicted", xscale="log", yscale="log")
    panel.legend(fontsize=7)
