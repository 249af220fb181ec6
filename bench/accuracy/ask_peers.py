"""Asks other planners for the measured rows: ``python bench/accuracy/ask_peers.py aiconfigurator|chimeraforge``.

Each needs an environment of its own with that planner and nothing else; nothing of this project is imported. The first
takes ten minutes, the second one. A row that one refuses is kept with its reason.
"""

from __future__ import annotations

import csv
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Row = dict[str, str]

ROOT = Path(__file__).parents[2]
DATA = ROOT / "bench" / "data"
CONFIGS = ROOT / "operator" / "qwen3_operator" / "catalog" / "data" / "configs"
COLUMNS = ("id", "ttft_ms", "tpot_ms", "backend_version", "problem")
_AICONFIGURATOR = """\
# Answers of aiconfigurator 0.12.0 (PyPI, Apache-2.0), cli_estimate in its mode agg, for the rows of
# silicon_qwen3_concurrency.csv; backend_version: the kernel tables that it chose. Made by bench/accuracy/ask_peers.py.
"""
_CHIMERAFORGE = """\
# Answers of chimeraforge 0.76.0 (PyPI, MIT), api.plan offline, for the rows of silicon_qwen3_concurrency.csv: the plan
# with one replica whose batch is the row's number of clients. Made by bench/accuracy/ask_peers.py.
"""
_PARAMETERS = {"Qwen/Qwen3-32B": 32.8, "Qwen/Qwen3-235B-A22B-FP8": 235.1}
"""In billions, by the model cards."""
_GPUS = {"h100_sxm": "H100 80GB", "h200_sxm": "H200 141GB"}
_UNLIMITED = 1e12
_HALVINGS = 60


def rows() -> Iterator[Row]:
    """What was measured."""
    with (DATA / "silicon_qwen3_concurrency.csv").open(encoding="utf-8") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def aiconfigurator(row: Row) -> Row:
    """Its estimate of a row."""
    narrow = row["precision"] == "fp8" and not row["model_path"].endswith("FP8")
    experts = {"moe_tp_size": int(row["moe_tp_size"]), "moe_ep_size": int(row["moe_ep_size"])}
    found = importlib.import_module("aiconfigurator.cli.api").cli_estimate(
        f"{row['model_path']}-FP8" if narrow else row["model_path"],
        row["system"],
        backend_name=row["backend"],
        isl=int(row["isl"]),
        osl=int(row["osl"]),
        batch_size=int(row["batch_size"]),
        tp_size=int(row["tp_size"]),
        **(experts if "A22B" in row["model_path"] else {}),
    )
    return {"ttft_ms": f"{found.ttft:.3f}", "tpot_ms": f"{found.tpot:.4f}", "backend_version": found.backend_version}


def chimeraforge(row: Row) -> Row:
    """Its plan with one replica that runs as many requests at a time as the row has clients.

    It plans for a request rate and takes the smallest batch that reaches it, so the rate is searched for.

    Raises:
        LookupError: it plans such a batch for no rate.
    """
    low, high = 0.0, 1e4
    _teach(row["model_path"])
    for _ in range(_HALVINGS):
        rate = (low + high) / 2
        found = _planned(row, rate)
        if found is None or found["n_agents"] > 1 or found["effective_batch"] > int(row["batch_size"]):
            high = rate
        elif found["effective_batch"] < int(row["batch_size"]):
            low = rate
        else:
            return {"ttft_ms": f"{found['ttft_ms']:.3f}", "tpot_ms": f"{found['tpot_ms']:.4f}"}
    raise LookupError("plans no replica with a batch of that size: it tries powers of two, and what the KV cache holds")


def _planned(row: Row, rate: float) -> Mapping[str, Any] | None:
    api = importlib.import_module("chimeraforge.api")
    prompt, answer = int(row["isl"]), int(row["osl"])
    request = api.PlanRequest(
        models=[row["model_path"]],
        hardware=_GPUS[row["system"]],
        tensor_parallel=int(row["tp_size"]),
        request_rate=rate,
        prompt_tokens=prompt,
        avg_tokens=answer,
        context_length=prompt + answer,
        latency_slo=_UNLIMITED,
        budget=_UNLIMITED,
        quality_target=0.0,
        allow_network=False,
    )
    wanted = ("FP8" if row["precision"] == "fp8" else "FP16", row["backend"])
    candidates = api.plan(request).to_dict()["result"]["candidates"]
    return next((found for found in candidates if (found["quant"], found["backend"]) == wanted), None)


def _teach(model: str) -> None:
    """Put the model's own config.json where it keeps those that it fetched."""
    resolver = importlib.import_module("chimeraforge.planner.resolver")
    name = model.removeprefix("Qwen/").removesuffix("-FP8")
    config = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    resolver._cache_store(model, resolver.spec_from_hf(model, config, _PARAMETERS[model]))  # noqa: SLF001


PEERS: Mapping[str, tuple[Callable[[Row], Row], str]] = {
    "aiconfigurator": (aiconfigurator, _AICONFIGURATOR),
    "chimeraforge": (chimeraforge, _CHIMERAFORGE),
}


def main(name: str) -> int:
    """Write the answers of one planner."""
    ask, head = PEERS[name]
    with tempfile.TemporaryDirectory() as folder, (DATA / f"{name}_estimates.csv").open("w", encoding="utf-8") as file:
        os.environ["CHIMERAFORGE_CACHE"] = folder
        file.write(head)
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows():
            writer.writerow({"id": row["id"]} | _answer(ask, row))
    return 0


def _answer(ask: Callable[[Row], Row], row: Row) -> Row:
    try:
        return ask(row)
    except Exception as error:  # noqa: BLE001  # whatever it refuses with is its answer
        return {"problem": " ".join(str(error).split())[:200]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
