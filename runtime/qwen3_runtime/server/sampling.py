"""How a model's makers say its tokens are to be drawn, for requests that do not say. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.config import Sampling


def with_defaults(request: dict[str, Any], sampling: Sampling | None, *, thinks: bool) -> dict[str, Any]:
    """The request with what it leaves open; each field for itself, as engines take their own defaults.

    Args:
        request: As the client sent it; null stands for a field that is not there.
        sampling: Values for answers with and without a thought; None leaves all to the engine.
        thinks: Whether this answer begins with a thought.
    """
    values = sampling and (sampling.thinking if thinks else sampling.answering)
    open_fields = {name: value for name, value in _fields(values).items() if request.get(name) is None}
    return request | open_fields if open_fields else request


def _fields(values: Any) -> Mapping[str, float]:
    """OpenAI's names and those that engines have added are the contract's own."""
    return values.model_dump(exclude_none=True) if values else {}
