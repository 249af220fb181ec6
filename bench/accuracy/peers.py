"""What other planners say of the same rows. Their answers lie in bench/data; ``ask_peers.py`` made them."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from bench.accuracy.errors import Predicted, chosen, first_error, per_error
from bench.accuracy.rows import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bench.accuracy.rows import Measured

PEERS = ("AIConfigurator", "chimeraforge")
_GROUPS = (
    ("32B on SGLang", "SGLang", "Qwen3-32B"),
    ("32B on vLLM", "vLLM", "Qwen3-32B"),
    ("235B on SGLang", "SGLang", "Qwen3-235B-A22B"),
)


def peers_table(predicted: Sequence[Predicted]) -> str:
    """Mean absolute errors of each planner and of ours on the rows that it answers, by group."""
    lines = [
        "| planner | rows | answered | per output token: theirs | ours | first token: theirs | ours |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for peer in PEERS:
        answers = {row["id"]: row for row in read(f"{peer.lower()}_estimates.csv") if row["tpot_ms"]}
        for name, engine, model in _GROUPS:
            counted = chosen(predicted, _counted(engine, model))
            pairs = [(answers[found[0].name], found) for found in counted if found[0].name in answers]
            share = f"{len(pairs)} of {len(counted)}"
            lines.append(f"| {peer} | {name} | {share} | {' | '.join(_errors(pairs))} |")
    return "\n".join(lines)


def _counted(engine: str, model: str) -> Callable[[Measured], bool]:
    def test(row: Measured) -> bool:
        mine = row.table == "Concurrency" and row.layout.engine == engine and row.layout.model.name == model
        return mine and not row.apart and not row.kv_limited

    return test


def _errors(pairs: Sequence[tuple[dict[str, str], Predicted]]) -> Iterator[str]:
    yield _mean(float(answer["tpot_ms"]) / 1e3 / found[0].per_token - 1 for answer, found in pairs)
    yield _mean(per_error(found) for _, found in pairs)
    yield _mean(float(answer["ttft_ms"]) / 1e3 / found[0].first_token - 1 for answer, found in pairs)
    yield _mean(first_error(found) for _, found in pairs)


def _mean(errors: Iterable[float]) -> str:
    return f"{100 * statistics.fmean(map(abs, errors)):.1f} %"
