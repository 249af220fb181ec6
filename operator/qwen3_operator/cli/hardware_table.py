"""The hardware table: every model and format on every accelerator, by the planner itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.cli.hardware import Hardware, snapshot
from qwen3_operator.cli.snapshot import NOBODY
from qwen3_operator.sizing import Reason, evaluate
from qwen3_operator.sizing.reasons import OVER_NODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from qwen3_operator.catalog import Catalog, Checkpoint, Model
    from qwen3_operator.sizing import Judged

Known = Literal["measured", "calculated", "reported", "unknown"]
_FITS = frozenset({None, Reason.COSTS_MORE, Reason.MORE_DEVICES, Reason.OTHER_PREFERRED, Reason.SPEED_UNKNOWN})
_TOO_LARGE = OVER_NODES | {Reason.OUT_OF_MEMORY}


@dataclass(frozen=True, slots=True)
class Cell:
    """One model in one format on one accelerator, in one replica with one request of the full context."""

    accelerator: str
    devices: int | None
    """The fewest of one node that hold it; None: no number of them does."""
    tokens_per_second: float | None
    """Generated for one request alone, of the lengths that a plan assumes; None: not known."""
    known: Known
    reason: str = ""
    """Why no number of devices does, e.g. OutOfMemory."""
    number: str = ""
    """The arithmetic of the reason."""

    @property
    def too_large(self) -> bool:
        """Whether one server of such devices is too small, rather than the wrong kind."""
        return self.reason in _TOO_LARGE


@dataclass(frozen=True, slots=True)
class Line:
    """One model in one format."""

    model: Model
    checkpoint: Checkpoint
    context_length: int
    """As asked for, or the longest that the model has."""
    memory_bytes: int
    """Weights, and KV cache and state of one request of that context; on one device, without the engine's reserve."""
    cells: tuple[Cell, ...]

    @property
    def generates(self) -> bool:
        """Whether the model writes tokens, rather than embedding or ranking texts."""
        return self.model.generates


def hardware_table(
    catalog: Catalog, models: Iterable[Model], accelerators: Sequence[str], context_length: int
) -> Iterator[Line]:
    """Lines for all published checkpoints of ``models``, in the order of the catalog."""
    servers = snapshot([Hardware(accelerator=name) for name in accelerators], catalog).inventory(catalog, NOBODY)
    names = {pool.name: pool.accelerator.name for pool in servers.pools.values()}
    for model in models:
        context = min(context_length, model.max_context)
        for checkpoint in model.checkpoints:
            if not checkpoint.repository:
                continue
            found = evaluate(_spec(model, checkpoint, context), servers, catalog).candidates
            by_accelerator = {name: [one for one in found if names[one.pool] == name] for name in accelerators}
            cells = tuple(_cell(name, candidates) for name, candidates in by_accelerator.items())
            yield Line(model, checkpoint, context, _memory(model, checkpoint, context), cells)


def _spec(model: Model, checkpoint: Checkpoint, context_length: int) -> DeploymentSpec:
    source = {"persistentVolumeClaim": {"claimName": "weights"}}
    name = {"name": model.name, "quantization": checkpoint.quantization, "contextLength": context_length}
    return DeploymentSpec.model_validate({"model": name | {"source": source}, "replicas": 1})


def _memory(model: Model, checkpoint: Checkpoint, context_length: int) -> int:
    return checkpoint.bytes + context_length * model.kv_bytes_per_token(1) + model.state_bytes_per_request(1)


def _cell(accelerator: str, candidates: Sequence[Judged]) -> Cell:
    fitting = [found for found in candidates if found.reason in _FITS]
    if not fitting:
        nearest = max(candidates, key=lambda found: (found.reason in _TOO_LARGE, found.shape.devices))
        return Cell(accelerator, None, None, "unknown", str(nearest.reason), nearest.number)
    # The fewest devices, and among their shapes the planner's first: candidates come in its order.
    best = min(fitting, key=lambda found: found.shape.devices)
    speed = best.rating.speed if best.rating else None
    if speed is None:
        return Cell(accelerator, best.shape.devices, None, "unknown")
    return Cell(accelerator, best.shape.devices, speed.output_tokens_per_second, speed.known)
