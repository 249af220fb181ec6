"""Computed sizes of checkpoints beside published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bench.accuracy.errors import Score, score
from bench.accuracy.rows import read
from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog.checkpoints import CheckpointRow
from qwen3_operator.catalog.weights import with_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.catalog import Catalog, Model

_NOMINAL_BITS = {
    Quantization.BF16: 16,
    Quantization.FP8: 8,
    Quantization.AWQ_INT4: 4,
    Quantization.GGUF_Q8_0: 8,
    Quantization.GGUF_Q4_K_M: 4,
}


class KnownSize(NamedTuple):
    """One published checkpoint."""

    model: Model
    quantization: Quantization
    bytes: int
    computed: bool
    """Whether the catalog computes it; else it holds what the repository states."""


def known_sizes(catalog: Catalog) -> Iterator[KnownSize]:
    """Rows of bench/data/checkpoint_sizes.csv."""
    for row in read("checkpoint_sizes.csv"):
        model, quantization = catalog.models[row["model"]], Quantization(row["quantization"])
        yield KnownSize(model, quantization, int(row["bytes"]), row["size"] == "computed")


def sizes_table(catalog: Catalog) -> str:
    """Errors of what is computed, and of parameters times the bits in the format's name, by format."""
    lines = [
        "| format | checkpoints | computed: mean, bias, worst | | | parameters x bits: mean, bias, worst | | |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    known = [found for found in known_sizes(catalog) if found.computed]
    for quantization, bits in _NOMINAL_BITS.items():
        mine = [found for found in known if found.quantization is quantization]
        ours = score(_computed(found, catalog) / found.bytes - 1 for found in mine)
        simple = score(found.model.parameters * bits / 8 / found.bytes - 1 for found in mine)
        lines.append(f"| {quantization} | {len(mine)} | {_text(ours)} | {_text(simple)} |")
    return "\n".join(lines)


def _computed(known: KnownSize, catalog: Catalog) -> int:
    row = CheckpointRow(quantization=known.quantization, repository="any/model", source="computed")
    return with_size(row, known.model, catalog.quantizations).bytes


def _text(found: Score) -> str:
    return f"{found.mean:.2f} | {found.bias:+.2f} | {found.worst:.2f}"
