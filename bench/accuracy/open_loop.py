"""The open-loop run of LLMServingSim, replayed with the arrivals as they were measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.performance import Layout
from qwen3_operator.performance.coefficients import coefficients
from qwen3_operator.performance.replay import Request, Schedule, StepTimes, replay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qwen3_operator.catalog import Catalog

RUN = Path(__file__).parents[1] / "data" / "llmservingsim" / "RTXPRO6000_Qwen3-30B-A3B-Instruct-2507"


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Seconds of each request, measured and predicted, in order of arrival."""

    first_token: NDArray[np.float64]
    per_token: NDArray[np.float64]
    predicted_first_token: NDArray[np.float64]
    predicted_per_token: NDArray[np.float64]


def open_loop(catalog: Catalog) -> OpenLoop:
    """Replay the run: two data-parallel groups of one device each, as its meta.json says.

    Arrivals are by the client's clock, the rest by the engine's; the two are set so that no request is queued before it
    arrives.
    """
    engine = json.loads((RUN / "meta.json").read_text(encoding="utf-8"))["engine_kwargs"]
    rows = [json.loads(line) for line in (RUN / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
    shift = max(row["arrival_time"] - row["queued_ts"] for row in rows)
    arrivals = np.array([row["arrival_time"] - shift for row in rows])
    accelerator = catalog.accelerators["RTX-PRO-6000-Blackwell"]
    groups = engine["data_parallel_size"]
    layout = Layout(
        model=catalog.models["Qwen3-30B-A3B-Instruct-2507"],
        accelerator=accelerator,
        quantization=Quantization.BF16,
        engine="vLLM",
        tensor_parallel=engine["tensor_parallel_size"],
        expert_parallel=groups,
        data_parallel=groups,
        engine_version="0.19.0",
    )
    schedule = Schedule(
        mixed=True,
        step_tokens=engine["max_num_batched_tokens"],
        most_running=engine["max_num_seqs"],
        kv_tokens=np.inf,
    )
    requests = [
        Request(float(arrival - arrivals.min()), row["input_toks"], row["output_toks"])
        for arrival, row in zip(arrivals, rows, strict=True)
    ]
    times = StepTimes(layout, coefficients(catalog.performance, [accelerator]), schedule)
    replay(requests, times, schedule, groups)
    first = np.array([row["first_token_ts"] for row in rows])
    last = np.array([row["last_token_ts"] for row in rows])
    answers = np.array([max(1, row["output_toks"] - 1) for row in rows])
    return OpenLoop(
        first_token=first - arrivals,
        per_token=(last - first) / answers,
        predicted_first_token=np.array([request.time_to_first_token for request in requests]),
        predicted_per_token=np.array([request.time_per_output_token for request in requests]),
    )
