"""What AIConfigurator says of the same rows. Its answers lie in bench/data.

``python bench/accuracy/peers.py`` makes them anew. It needs an environment with aiconfigurator 0.12.0 (Apache-2.0) and
ten minutes, and imports nothing of this project.
"""

from __future__ import annotations

import csv
import importlib
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DATA = Path(__file__).parents[1] / "data"
ROWS = DATA / "silicon_qwen3_concurrency.csv"
ANSWERS = DATA / "aiconfigurator_estimates.csv"
COLUMNS = ("id", "ttft_ms", "tpot_ms", "backend_version", "problem")


def peers_table(predicted: Sequence[Any]) -> str:
    """Mean absolute errors of both on the rows that AIConfigurator answers, by engine; a note where it was not run."""
    if not ANSWERS.exists():
        return "AIConfigurator was not run here; 25 % per output token was seen elsewhere (cited, not measured)."
    answers = {row["id"]: row for row in _read(ANSWERS)}
    measured = list(_read(ROWS))
    ours = [found for found in predicted if found[0].table == "Concurrency"]
    lines = [
        "| rows | answered | per output token: AIConfigurator | ours | first token: AIConfigurator | ours |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, backend, model in (
        ("32B on SGLang", "sglang", "Qwen3-32B"),
        ("32B on vLLM", "vllm", "Qwen3-32B"),
        ("235B on SGLang", "sglang", "Qwen3-235B-A22B"),
    ):
        pairs = []
        for row in measured:
            found = next((f for f in ours if f[0].name == row["id"]), None)
            answer = answers.get(row["id"])
            mine = row["backend"] == backend and row["model_path"].removesuffix("-FP8").endswith(model)
            if mine and found and answer and answer["tpot_ms"] and not found[0].apart and not found[0].kv_limited:
                pairs.append((row, answer, found))
        if pairs:
            lines.append(f"| {name} | {len(pairs)} | {' | '.join(_errors(pairs))} |")
    return "\n".join(lines)


def _errors(pairs: Sequence[tuple[dict[str, str], dict[str, str], Any]]) -> Iterator[str]:
    for column, place in (("tpot_ms", 3), ("ttft_ms", 2)):
        theirs = [float(answer[column]) / float(row[f"silicon_{column}"]) - 1 for row, answer, _ in pairs]
        ours = [1e3 * found[place] / float(row[f"silicon_{column}"]) - 1 for row, _, found in pairs]
        for errors in (theirs, ours):
            yield f"{100 * statistics.fmean(map(abs, errors)):.1f} %"


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def main() -> int:
    """Ask AIConfigurator for every row; a row that it refuses is kept with its reason."""
    estimate = importlib.import_module("aiconfigurator.cli.api").cli_estimate
    with ANSWERS.open("w", encoding="utf-8", newline="") as file:
        file.write(
            "# Answers of aiconfigurator 0.12.0 (PyPI, Apache-2.0), cli_estimate in its mode agg, for the rows of\n"
        )
        file.write(
            "# silicon_qwen3_concurrency.csv; backend_version: the nearest of its measured kernel tables, its choice.\n"
        )
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in _read(ROWS):
            writer.writerow({"id": row["id"]} | _ask(estimate, row))
    return 0


def _ask(estimate: Any, row: dict[str, str]) -> dict[str, str]:
    narrow = row["precision"] == "fp8" and not row["model_path"].endswith("FP8")
    experts = {"moe_tp_size": int(row["moe_tp_size"]), "moe_ep_size": int(row["moe_ep_size"])}
    try:
        found = estimate(
            f"{row['model_path']}-FP8" if narrow else row["model_path"],
            row["system"],
            backend_name=row["backend"],
            isl=int(row["isl"]),
            osl=int(row["osl"]),
            batch_size=int(row["batch_size"]),
            tp_size=int(row["tp_size"]),
            **(experts if "A22B" in row["model_path"] else {}),
        )
    except Exception as error:  # noqa: BLE001  # whatever it refuses with is its answer
        return {"problem": " ".join(str(error).split())[:200]}
    return {"ttft_ms": f"{found.ttft:.3f}", "tpot_ms": f"{found.tpot:.4f}", "backend_version": found.backend_version}


if __name__ == "__main__":
    sys.exit(main())
