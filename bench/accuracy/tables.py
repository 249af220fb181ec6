"""The tables of docs/accuracy.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bench.accuracy.errors import Predicted, Score, chosen, first_error, per_error, score, wall_error
from bench.accuracy.rows import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.accuracy.open_loop import OpenLoop
    from bench.accuracy.rows import Measured


class Measure(NamedTuple):
    """One line of the summary, in percent."""

    name: str
    target: float
    worst_target: float | None
    reference: str
    left_out: Score
    in_sample: Score

    @property
    def met(self) -> bool:
        """Whether the target holds for rows that were left out of the calibration."""
        worst = self.worst_target is None or self.left_out.worst <= self.worst_target
        return self.left_out.mean <= self.target and worst


def _dense(row: Measured) -> bool:
    return row.table == "Qwen" and row.layout.engine == "SGLang" and row.layout.model.experts is None


def _sparse(row: Measured) -> bool:
    return row.table == "Qwen" and row.layout.engine == "SGLang" and row.layout.model.experts is not None


def _counted(row: Measured) -> bool:
    """Rows of the second target: SGLang, and vLLM on dense models."""
    return row.table == "Concurrency" and not row.apart


def _free(row: Measured) -> bool:
    return _counted(row) and not row.kv_limited


def _limited(row: Measured) -> bool:
    return _counted(row) and row.kv_limited


def _known_model(row: Measured) -> bool:
    return not (row.layout.model.name == "Qwen3-235B-A22B" and row.layout.engine == "SGLang")


def summary(left_out: Sequence[Predicted], in_sample: Sequence[Predicted]) -> list[Measure]:
    """The targets of both tables."""

    def measure(
        name: str,
        targets: tuple[float, float | None],
        reference: str,
        test: Callable[[Measured], bool],
        error: Callable[[Predicted], float],
    ) -> Measure:
        left, fitted = (score(map(error, chosen(found, test))) for found in (left_out, in_sample))
        return Measure(name, *targets, reference, left, fitted)

    return [
        measure("Qwen's table, SGLang, dense: time of a request", (4, 15), "5.7, worst 12", _dense, wall_error),
        measure("Qwen's table, SGLang, MoE: time of a request", (8, 15), "9.5, worst 27", _sparse, wall_error),
        measure(
            "concurrency, 32B: time per output token",
            (5, None),
            "4.7",
            lambda row: _counted(row) and _known_model(row),
            per_error,
        ),
        measure(
            "concurrency, 235B on SGLang: time per output token",
            (5, None),
            "13.3",
            lambda row: _counted(row) and not _known_model(row),
            per_error,
        ),
        measure(
            "concurrency, 32B: time to first token",
            (12, None),
            "14.2",
            lambda row: _free(row) and _known_model(row),
            first_error,
        ),
        measure(
            "concurrency, 235B on SGLang: time to first token",
            (12, None),
            "54.2",
            lambda row: _free(row) and not _known_model(row),
            first_error,
        ),
        measure("concurrency, KV cache full: time to first token", (40, None), "11-54", _limited, first_error),
    ]


def summary_table(measures: Iterable[Measure]) -> str:
    """The summary as Markdown."""
    lines = [
        "| measure | rows | target | left out: mean, bias, worst | | | fitted: mean | reference model, left out | |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for found in measures:
        target = f"<= {found.target:g}" + (f", worst <= {found.worst_target:g}" if found.worst_target else "")
        verdict = "met" if found.met else "**missed**"
        fitted = f"{found.in_sample.mean:.1f}"
        lines.append(
            f"| {found.name} | {found.left_out.rows} | {target} | {found.left_out.text} | {fitted} | {found.reference} "
            f"| {verdict} |"
        )
    return "\n".join(lines)


def qwen_table(predicted: Sequence[Predicted]) -> str:
    """Qwen's table by model, engine and format."""
    lines = ["| model | engine | format | rows | mean | bias | worst |", "|---|---|---|--:|--:|--:|--:|"]
    groups: dict[tuple[str, str, str], list[Predicted]] = {}
    for found in chosen(predicted, lambda row: row.table == "Qwen"):
        layout = found[0].layout
        groups.setdefault((layout.model.name, layout.engine, str(layout.quantization)), []).append(found)
    for key, rows in sorted(groups.items(), key=lambda item: (item[0][1], item[1][0][0].layout.model.parameters)):
        found_score = score(map(wall_error, rows))
        lines.append(f"| {' | '.join(key)} | {found_score.rows} | {found_score.text} |")
    return "\n".join(lines)


def concurrency_table(predicted: Sequence[Predicted]) -> str:
    """The concurrency table by group."""
    lines = [
        "| group | rows | per token: mean | bias | worst | first token: mean | bias | worst | cache full | mean |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    rows = chosen(predicted, lambda row: row.table == "Concurrency")
    for group in sorted({found[0].group for found in rows}):
        mine = [found for found in rows if found[0].group == group]
        free = chosen(mine, lambda row: not row.kv_limited)
        full = chosen(mine, lambda row: row.kv_limited)
        name = f"{group} (apart)" if all(found[0].apart for found in mine) else group
        first, limited = score(map(first_error, free)), score(map(first_error, full))
        last = f"{limited.mean:.1f}" if limited.rows else "-"
        lines.append(
            f"| {name} | {len(mine)} | {score(map(per_error, mine)).text} | {first.text} | {limited.rows} | {last} |"
        )
    return "\n".join(lines)


def reported_table() -> str:
    """Points that sources report, as they are."""
    rows = list(read("reported_points.csv"))
    lines = [" | ".join(["", *(name.replace("_", " ") for name in rows[0]), ""]).strip()]
    lines.append("|" + "---|" * len(rows[0]))
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    return "\n".join(lines)


def open_loop_table(run: OpenLoop) -> str:
    """Median and mean of both times, measured and predicted."""
    lines = ["| | measured | predicted | error | target |", "|---|--:|--:|--:|--:|"]
    for name, measured, predicted, target in (
        ("median time to first token", np.median(run.first_token), np.median(run.predicted_first_token), "<= 15 %"),
        ("median time per output token", np.median(run.per_token), np.median(run.predicted_per_token), "<= 10 %"),
        ("mean time to first token", np.mean(run.first_token), np.mean(run.predicted_first_token), ""),
        ("mean time per output token", np.mean(run.per_token), np.mean(run.predicted_per_token), ""),
    ):
        error = 100 * (predicted / measured - 1)
        lines.append(f"| {name} | {measured * 1e3:.1f} ms | {predicted * 1e3:.1f} ms | {error:+.1f} % | {target} |")
    return "\n".join(lines)
