"""A model that is too large for its device, in part in the host's memory: what llama.cpp makes of small GPUs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwen3_operator.performance.offload import Split
from qwen3_operator.sizing.memory import Fit, paged_tokens

if TYPE_CHECKING:
    from qwen3_operator.catalog import Engine
    from qwen3_operator.sizing.memory import Space
    from qwen3_operator.sizing.shapes import Cut


def split_with_host(space: Space, cut: Cut, engine: Engine, concurrency: int) -> Fit | None:
    """As many layers on the device as fit beside their KV cache for ``concurrency`` requests; None where not one does.

    No more requests than these are taken: each further one would move layers to the host.
    """
    model = cut.offer.model
    if model.recurrent or (engine.running_requests or concurrency) < concurrency:
        return None
    tokens = concurrency * paged_tokens(cut, engine, space.page_tokens)
    split = Split(model, cut.weights, tokens)
    room = space.static + split.buffers
    layers = split.fitting(room)
    if not layers:
        return None
    share = min(layers, model.layers) / model.layers
    part = replace(cut, weights=split.weights(layers), per_token=int(cut.per_token * share))
    return Fit(space, part, tokens, 0, concurrency, concurrency, concurrency, 0, split=split, device_layers=layers)
