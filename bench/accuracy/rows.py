"""The measured rows, as pairs of layout and load with what was measured."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.sizing.rows import pair_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.performance import Layout, Load

DATA = Path(__file__).parents[1] / "data"
Table = Literal["Qwen", "Concurrency"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One row. Times in seconds; NaN where the table does not have them."""

    table: Table
    group: str
    """What is left out together."""
    layout: Layout
    load: Load
    wall: float = float("nan")
    first_token: float = float("nan")
    per_token: float = float("nan")
    name: str = ""
    """The row's own id, where its table has one."""
    apart: str = ""
    """Why the row is not fitted and not counted."""

    @property
    def kv_limited(self) -> bool:
        """Whether all requests at their longest do not fit into the KV cache."""
        tokens = self.load.concurrency * (self.load.input_tokens + self.load.output_tokens)
        return self.load.kv_tokens is not None and tokens > self.load.kv_tokens


def measured(catalog: Catalog) -> list[Measured]:
    """All rows of both tables."""
    return [*_qwen(catalog), *_concurrency(catalog)]


def read(name: str) -> Iterator[dict[str, str]]:
    """Rows of a file of bench/data, without its comments."""
    with (DATA / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def _qwen(catalog: Catalog) -> Iterator[Measured]:
    for row in read("qwen3_speed_benchmark.csv"):
        if not row["speed_tokens_per_s"]:
            continue
        asked = row | {"accelerator": "H20", "input_tokens": row["input_length"], "output_tokens": row["output_length"]}
        layout, load = pair_of(asked, catalog)
        wall = (load.input_tokens + load.output_tokens) / float(row["speed_tokens_per_s"])
        yield Measured("Qwen", row["model"], layout, load, wall=wall)


def _concurrency(catalog: Catalog) -> Iterator[Measured]:
    for row in read("silicon_qwen3_concurrency.csv"):
        layout, load = pair_of(_asked(row), catalog)
        yield Measured(
            "Concurrency",
            f"{layout.model.name} {row['system']} {layout.engine} TP{layout.tensor_parallel} {layout.quantization}",
            layout,
            load,
            first_token=float(row["silicon_ttft_ms"]) / 1e3,
            per_token=float(row["silicon_tpot_ms"]) / 1e3,
            name=row["id"],
            apart=_apart(layout, layout.model.name),
        )


def _asked(row: dict[str, str]) -> dict[str, str]:
    """The row in the columns of ``kubectl qwen3 predict``; the table has 0 for models without experts."""
    return {
        "model": row["model_path"],
        "accelerator": row["system"],
        "engine": row["backend"],
        "engine_version": row["backend_version"],
        "quantization": row["precision"],
        "tensor_parallel": row["tp_size"],
        "expert_parallel": row["moe_ep_size"].removeprefix("0"),
        "data_parallel": row["attention_dp_size"],
        "input_tokens": row["isl"],
        "output_tokens": row["osl"],
        "concurrency": row["batch_size"],
    }


def _apart(layout: Layout, model: str) -> str:
    if layout.engine == "vLLM" and model == "Qwen3-235B-A22B":
        return "three times slower than SGLang at the same layout: an artefact of that deployment"
    if layout.quantization is Quantization.FP8 and model == "Qwen3-32B" and layout.tensor_parallel == 2:  # noqa: PLR2004
        return "faster than memory bandwidth allows for 48 requests on two devices: replicas unknown"
    return ""
