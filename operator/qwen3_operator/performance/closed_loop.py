"""Clients that each wait for their answer before they ask again: what they see of steps and passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qwen3_operator.performance.kernels import head
from qwen3_operator.performance.steps import decode_step, pass_overhead, prefill_pass

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.coefficients import Coefficients

_RESIDENT = 0.75
"""Share of the answer that is in the KV cache per request where the cache is the limit."""
_CLUMPING = 0.6
"""Prompts that arrive together grow with this power of the clients."""


class Times(NamedTuple):
    """Seconds, means over requests."""

    first_token: Floats
    per_token: Floats
    first_token_spread: Floats
    """From the mean to the last of those that wait together."""
    running: Floats
    wait: Floats


def closed_loop(batch: Replicas, k: Coefficients) -> Times:
    """Times at a steady number of clients with equal lengths."""
    running = np.clip(batch.kv_tokens / (batch.input + _RESIDENT * batch.output), 1.0, batch.clients)
    step = decode_step(batch, k, running, batch.input + batch.output / 2)
    passes = np.ceil(batch.input / batch.chunk)
    overhead = pass_overhead(batch, k)
    one = passes * (prefill_pass(batch, k, batch.input / passes, batch.input) + overhead) + head(batch, k, 1.0)
    waves = _waves(batch, k, running, step, one)
    mixed = _mixed(batch, k, running, step, one, passes * overhead)
    first, per_token, spread = (np.where(batch.vllm, b, a) for a, b in zip(waves, mixed, strict=True))
    answer = first + (batch.output - 1) * per_token
    wait = (batch.clients - running) / running * answer
    return Times(first + wait, per_token, spread, running, wait)


def _waves(batch: Replicas, k: Coefficients, running: Floats, step: Floats, one: Floats) -> tuple[Floats, ...]:
    """SGLang computes prompts before it decodes, so clients stay in step: all prompts in one wave, then all answers."""
    tokens = running * batch.input
    passes = np.ceil(tokens / batch.chunk)
    wave = passes * (prefill_pass(batch, k, tokens / passes, batch.input) + pass_overhead(batch, k)) + head(
        batch, k, 1.0
    )
    share = _share_before_done(running, batch.input, batch.chunk)
    alone = np.where(running > 1.5, one * (1 - 1 / running), 0.0)  # noqa: PLR2004
    front = np.where(batch.transformers, 0.0, k.front_time)
    first = wave * share + alone + front
    return first, step + wave * (1 - share) / np.maximum(batch.output - 1, 1), wave * (1 - share)


def _mixed(
    batch: Replicas, k: Coefficients, running: Floats, step: Floats, one: Floats, overhead: Floats
) -> tuple[Floats, ...]:
    """VLLM mixes prompts into decode steps, so clients drift apart: a prompt waits for the step and for others."""
    several = running > 1.01  # noqa: PLR2004
    behind = np.where(several, k.clumping * running**_CLUMPING, 0.0)
    first = np.maximum(step, np.where(several, step, 0.0) + one * (1 + behind)) + np.where(several, step / 2, 0.0)
    stall = (running - 1) * np.maximum(0.0, one - overhead)
    return first + k.front_time, step + stall / np.maximum(batch.output - 1, 1), one * behind


def _share_before_done(running: Floats, length: Floats, chunk: Floats) -> Floats:
    """Mean share of a wave's passes that are over when a prompt is done.

    The i-th of n prompts is done after ceil(i length / chunk) passes of ceil(n length / chunk); sixteen of them stand
    for all.
    """
    count = np.maximum(1.0, np.round(running))
    places = (np.arange(16.0)[:, None] + 0.5) / 16
    done = np.ceil(np.ceil(count * places) * length / chunk).mean(axis=0)
    return np.asarray(done / np.ceil(count * length / chunk))
