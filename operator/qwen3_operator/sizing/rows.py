"""Rows of model, accelerator, engine, layout and load, each written back with its predicted memory and speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.catalog.checkpoints import Checkpoint
from qwen3_operator.catalog.weights import stored_bytes
from qwen3_operator.performance import Layout, Load, speeds
from qwen3_operator.performance.formats import FORMATS
from qwen3_operator.sizing.memory import Space
from qwen3_operator.sizing.offers import Offer
from qwen3_operator.sizing.row_names import (
    MEASURED_VERSIONS,
    RowError,
    accelerator_of,
    count_of,
    engine_of,
    misread,
    model_of,
    quantization_of,
)
from qwen3_operator.sizing.shapes import Cutter, Shape
from qwen3_operator.sizing.validity import card_problem, device_problem, shape_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.api.deployment import Quantization
    from qwen3_operator.catalog import Catalog, Engine, Model, QuantizationFormat
    from qwen3_operator.performance import Speed
    from qwen3_operator.sizing.reasons import Problem

GIB = 1 << 30
INPUT_TOKENS, OUTPUT_TOKENS = 1024, 1024
"""Of rows that do not say."""
COLUMNS = (
    "ttft_ms",
    "tpot_ms",
    "output_tokens_per_s",
    "request_tokens_per_s",
    "weights_gib",
    "kv_gib_per_1k_tokens",
    "reserve_gib",
    "max_kv_tokens",
    "valid",
    "reason",
    "source",
    "predicted_version",
)
"""What is written beside a row. The last is the engine version whose speed it is; ``current`` is what plans use."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A row that was understood."""

    layout: Layout
    load: Load
    memory: Mapping[str, str]
    problem: str
    """Why it does not run; empty where it does."""
    note: str
    """What to say of a row that runs."""
    runs: bool
    """False where the engine refuses the layout; a lack of memory alone leaves the speed worth knowing."""


def predict_rows(rows: Iterable[Mapping[str, str]], catalog: Catalog) -> list[dict[str, str]]:
    """Each row with ``COLUMNS`` added; a row that cannot be judged says so in ``valid`` and ``reason``.

    ``weights_gib`` and ``kv_gib_per_1k_tokens`` count the model once, whatever the devices; ``reserve_gib`` is what one
    device keeps free of both; ``max_kv_tokens`` is the replica's. Times are those of steady clients (docs/accuracy.md).
    Models that embed or rank texts have a time to the first token, which is that of the request, and no more.
    """
    given = [dict(row) for row in rows]
    judged = [_judged_or_problem(row, catalog) for row in given]
    timed = [row for row in judged if isinstance(row, _Judged) and row.runs]
    answers = iter(speeds([(row.layout, row.load) for row in timed], catalog.performance))
    return [
        row | dict.fromkeys(COLUMNS, "") | _cells(found, next(answers) if _is_timed(found) else None)
        for row, found in zip(given, judged, strict=True)
    ]


def pair_of(row: Mapping[str, str], catalog: Catalog) -> tuple[Layout, Load]:
    """Layout and load of a row, the KV cache by the engine's rule.

    Raises:
        RowError: a cell that cannot be understood.
    """
    found = _judged({key: value or "" for key, value in row.items()}, catalog)
    return found.layout, found.load


def _is_timed(found: _Judged | str) -> bool:
    return isinstance(found, _Judged) and found.runs


def _cells(found: _Judged | str, speed: Speed | None) -> dict[str, str]:
    if isinstance(found, str):
        return {"valid": "unknown", "reason": found}
    valid = "false" if found.problem else "true"
    cells = dict(found.memory) | {"valid": valid, "reason": found.problem or found.note}
    if speed is None:
        unknown = "no source for the speed of this accelerator"
        return cells | {"reason": found.problem or unknown, "source": "unknown"}
    if found.layout.model.generates:
        cells |= {
            "tpot_ms": f"{speed.time_per_output_token * 1e3:.3f}",
            "output_tokens_per_s": f"{speed.output_tokens_per_second:.2f}",
        }
    return cells | {
        "ttft_ms": f"{speed.time_to_first_token * 1e3:.2f}",
        "request_tokens_per_s": f"{speed.request_tokens_per_second:.2f}",
        # No row was measured of what does not run.
        "source": "calculated" if found.problem else speed.known,
        "predicted_version": found.layout.engine_version or "current",
    }


def _judged_or_problem(row: Mapping[str, str], catalog: Catalog) -> _Judged | str:
    cells = {key: value or "" for key, value in row.items()}
    try:
        return _judged(cells, catalog)
    except (RowError, LookupError) as error:
        return "; ".join(misread(cells, catalog)) or str(error)


def _judged(row: dict[str, str], catalog: Catalog) -> _Judged:
    layout, engine = _layout(row, catalog)
    form = catalog.quantizations[layout.quantization]
    shape = Shape(layout.devices, layout.expert_parallel, layout.data_parallel)
    load = Load(
        count_of(row, "input_tokens", INPUT_TOKENS),
        count_of(row, "output_tokens", OUTPUT_TOKENS) if layout.model.generates else 1,
        count_of(row, "concurrency", 1),
    )
    problem = (
        device_problem(layout.accelerator, form, engine)
        or card_problem(layout.accelerator, shape.tensor_parallel)
        or shape_problem(layout.model, form, shape.tensor_parallel, shape.expert_parallel, shape.data_parallel)
    )
    refused = _text(problem) if problem else _experts_problem(row, layout)
    offer, note = _offer(layout, form, load)
    memory, tokens, short = _memory(layout, engine, offer, shape)
    known = Load(load.input_tokens, load.output_tokens, load.concurrency, tokens)
    return _Judged(layout, known, memory, refused or short, note, runs=not refused)


def _layout(row: dict[str, str], catalog: Catalog) -> tuple[Layout, Engine]:
    accelerator = accelerator_of(row.get("accelerator", ""), catalog)
    version = row.get("engine_version", "").strip()
    engine = engine_of(row.get("engine", ""), version, catalog)
    quantization = quantization_of(row.get("quantization", ""), row.get("model", ""), catalog)
    layout = Layout(
        model=model_of(row.get("model", ""), catalog),
        accelerator=accelerator,
        quantization=_quantization(quantization, catalog),
        engine=engine.name,
        tensor_parallel=count_of(row, "tensor_parallel", 1),
        expert_parallel=count_of(row, "expert_parallel", 1),
        data_parallel=count_of(row, "data_parallel", 1),
        engine_version=version or MEASURED_VERSIONS.get((engine.name, accelerator.name), ""),
    )
    return layout, engine


def _quantization(name: str, catalog: Catalog) -> Quantization:
    return next(found for found in catalog.quantizations if found.value == name)


def _experts_problem(row: dict[str, str], layout: Layout) -> str:
    cut = count_of(row, "moe_tensor_parallel", 0)
    if not cut or layout.model.experts is None or cut * layout.expert_parallel == layout.devices:
        return ""
    return (
        f"ExpertsNotDivisible: moe_tensor_parallel {cut} x expert_parallel {layout.expert_parallel} is not the "
        f"{layout.devices} devices"
    )


def _text(problem: Problem) -> str:
    return f"{problem.reason}: {problem.number}"


def _offer(layout: Layout, form: QuantizationFormat, load: Load) -> tuple[Offer, str]:
    """The checkpoint, made up with its computed size where the catalog has none, and what to say of that."""
    model, note = layout.model, ""
    checkpoint = model.checkpoint(layout.quantization)
    if checkpoint is None:
        note = f"no checkpoint of {model.name} in {layout.quantization} is known: size computed"
        checkpoint = Checkpoint(
            quantization=layout.quantization,
            repository="",
            bytes=stored_bytes(model, form.bits) if form.bits else round(_computed_bytes(model, layout.quantization)),
            size="computed",
            source="computed from the shapes",
        )
    return Offer(model, checkpoint, form, model.max_context, load.input_tokens + load.output_tokens, (0, 0, 0)), note


def _memory(layout: Layout, engine: Engine, offer: Offer, shape: Shape) -> tuple[dict[str, str], int | None, str]:
    """Cells, KV tokens of the replica where they are known, and why a request does not fit."""
    per_token = layout.model.kv_bytes_per_token(1, layout.kv_element_bytes)
    cells = {
        "weights_gib": f"{offer.checkpoint.loaded_bytes / GIB:.3f}",
        "kv_gib_per_1k_tokens": f"{per_token * 1000 / GIB:.5f}",
    }
    cut = Cutter(offer, layout.kv_element_bytes).cut(shape)
    if cut.problem or not engine.devices:
        return cells, None, ""
    space = Space.on(layout.accelerator, layout.device_memory_bytes, engine, cut)
    tokens = max(0, space.static - cut.weights) // cut.per_token * layout.data_parallel
    cells |= {"reserve_gib": f"{(space.total - space.static) / GIB:.3f}", "max_kv_tokens": str(tokens)}
    if tokens < offer.request_tokens:
        return cells, None, f"OutOfMemory: room for {tokens} KV tokens, one request takes {offer.request_tokens}"
    return cells, tokens, ""


def _computed_bytes(model: Model, quantization: str) -> float:
    whole = model.embedding_parameters + model.replicated_parameters + model.vision_parameters
    return (model.parameters - whole) * FORMATS[quantization].bytes + whole * 2
