"""The paths that a tenant may ask for, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.config import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS = "/v1/models"


@dataclass(frozen=True)
class Operation:
    """One path that is forwarded, under the name it has in metrics."""

    path: str
    """Path at the engine."""
    task: Task
    """Models of other tasks do not answer it."""
    usage_option: bool = False
    """Whether a stream tells its usage only where ``stream_options.include_usage`` asks for it."""
    thinks: bool = False
    """Whether its requests can say how long a thought may be."""


FORWARDED: Mapping[str, Operation] = {
    operation.path: operation
    for operation in (
        Operation("/v1/chat/completions", Task.GENERATE, usage_option=True, thinks=True),
        Operation("/v1/completions", Task.GENERATE, usage_option=True),
        Operation("/v1/responses", Task.GENERATE),
        Operation("/v1/embeddings", Task.EMBED),
        Operation("/v1/rerank", Task.RERANK),
    )
}
