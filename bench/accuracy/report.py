"""Writes docs/accuracy.md and its pictures, and prints the summary."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from bench.accuracy import plots, tables
from bench.accuracy.errors import first_error, per_error, score
from bench.accuracy.fit import predict
from bench.accuracy.open_loop import open_loop
from bench.accuracy.peers import peers_table
from bench.accuracy.priors import PRIORS
from bench.accuracy.sizes import sizes_table
from qwen3_operator.sizing.rows import predict_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.accuracy.errors import Predicted
    from bench.accuracy.open_loop import OpenLoop
    from bench.accuracy.priors import Key
    from bench.accuracy.rows import Measured
    from qwen3_operator.catalog import Catalog

DOCS = Path(__file__).parents[2] / "docs"
SLOW_GROUP = "Qwen3-235B-A22B h200_sxm SGLang TP4 FP8"
"""The group that nothing else in the tables is like."""
TEMPLATE = Path(__file__).with_name("accuracy.md.in")


def write(catalog: Catalog, rows: Sequence[Measured], left_out: Sequence[Predicted], slow: Sequence[Predicted]) -> None:
    """Make the page anew from the catalog's constants and the cross-validations' predictions."""
    run = open_loop(catalog)
    found = texts(catalog, rows, left_out, slow, run)
    (DOCS / "accuracy.md").write_text(page(found), encoding="utf-8")
    plots.scatter(DOCS / "images" / "accuracy.png", left_out)
    plots.open_loop_plot(DOCS / "images" / "open-loop.png", run)
    print(found["summary"], found["open_loop"], found["peers"], sep="\n\n")


def texts(
    catalog: Catalog,
    rows: Sequence[Measured],
    left_out: Sequence[Predicted],
    slow: Sequence[Predicted],
    run: OpenLoop,
) -> Mapping[str, str]:
    """Every part of the page that is made, by its name in the template.

    Args:
        catalog: Constants that ship.
        rows: What was measured.
        left_out: Each row as predicted without its group.
        slow: Rows of `SLOW_GROUP` as predicted without those of their prompt length.
        run: The replay.
    """
    in_sample = predict(rows, constants_of(catalog))
    return {
        "summary": tables.summary_table(tables.summary(left_out, in_sample)),
        "qwen": tables.qwen_table(left_out),
        "concurrency": tables.concurrency_table(left_out),
        "fitted": tables.concurrency_table(in_sample),
        "open_loop": tables.open_loop_table(run),
        "peers": peers_table(left_out),
        "reported": tables.reported_table(),
        "b200": _b200(catalog),
        "slow": _both(slow),
        "sizes": sizes_table(catalog),
    }


def page(parts: Mapping[str, str]) -> str:
    """The page as Markdown."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(parts)


def _both(predicted: Sequence[Predicted]) -> str:
    each, first = score(map(per_error, predicted)), score(map(first_error, predicted))
    return f"{each.mean:.1f} % per output token, {first.mean:.1f} % to the first"


def _b200(catalog: Catalog) -> str:
    row = {
        "model": "Qwen3-235B-A22B-Instruct-2507",
        "accelerator": "B200",
        "engine_version": "0.5.6",
        "tensor_parallel": "8",
        "input_tokens": "1024",
        "output_tokens": "1024",
    }
    found = predict_rows([row], catalog)[0]
    return f"{float(found['tpot_ms']):.1f} ms per output token, {float(found['ttft_ms']):.0f} ms to the first"


def constants_of(catalog: Catalog) -> Mapping[Key, float]:
    """The constants as the catalog has them."""
    rows = catalog.performance.rows.values()
    fitted = {(row.name, row.accelerator): row.value for row in rows}
    return {key: fitted[key] for key in [*PRIORS, *(key for key in fitted if key not in PRIORS)]}
