"""Clients that each wait for their answer before they ask again: what they see of steps and passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.performance.kernels import head
from qwen3_operator.performance.steps import decode_step, pass_overhead, prefill_pass

if TYPE_CHECKING:
    from qwen3_operator.performance.arrays import Floats, Replicas
    from qwen3_operator.performance.coefficients import Coefficients

_RESERVED = 4096
"""Tokens of an answer that SGLang reserves at most when it admits a request (CLIP_MAX_NEW_TOKENS)."""
_CORNER = 16
"""Least sharpness with which vLLM, whose requests grow into the cache, goes from enough cache to too little."""
_ANSWER = 500.0
"""Tokens over which clients in step drift apart."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds, means over requests."""

    first_token: Floats
    per_token: Floats
    behind: Floats
    """From the mean time to first token to that of the last of those that wait together."""
    longer: Floats
    """What a prompt of the 95th percentile takes to compute beyond one of mean length."""
    running: Floats
    """Requests per data-parallel group that run at a time."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What both engines' closed forms are made of."""

    running: Floats
    step: Floats
    one: Floats
    """Prefill of one prompt."""
    overhead: Floats
    """Part of ``one`` that a mixed step does not pay twice."""


def closed_loop(batch: Replicas, k: Coefficients) -> Times:
    """Times at a steady number of clients."""
    running = running_requests(batch)
    one, overhead = _one_prompt(batch, k, batch.input)
    longer = _one_prompt(batch, k, batch.long_input)[0] - one
    step = decode_step(batch, k, running, batch.input + batch.output / 2)
    parts = _Parts(running, step, one, overhead)
    columns = zip(_waves(batch, k, parts), _mixed(batch, k, parts), strict=True)
    first, per_token, behind = (np.where(batch.vllm, mixed, wave) for wave, mixed in columns)
    answer = first + (batch.output - 1) * per_token
    wait = (batch.clients - running) / running * answer
    return Times(first + wait, per_token, behind + wait, longer, running)


def _one_prompt(batch: Replicas, k: Coefficients, length: Floats) -> tuple[Floats, Floats]:
    """Seconds to compute one prompt of so many tokens, and the part of it that is overhead of the passes."""
    passes = np.ceil(length / batch.chunk)
    overhead = passes * pass_overhead(batch, k)
    return passes * prefill_pass(batch, k, length / passes, length) + overhead + head(batch, k, 1.0), overhead


def running_requests(batch: Replicas) -> Floats:
    """Requests that the KV cache has room for, at most the clients.

    SGLang admits a request when its whole answer has room; vLLM lets requests grow, so that answers are half there.
    """
    whole = batch.input + np.minimum(batch.output, _RESERVED)
    fits = batch.kv_tokens / np.where(batch.vllm, batch.input + batch.output / 2, whole)
    ratio = np.clip(batch.clients / np.maximum(fits, 1e-9), 1e-9, 1e9)
    corner = np.maximum(_CORNER, 2 / _answer_share(batch))
    soft = batch.clients * np.exp(-np.logaddexp(0.0, corner * np.log(ratio)) / corner)
    return np.clip(np.where(batch.vllm, soft, fits), 1.0, batch.clients)


def _waves(batch: Replicas, k: Coefficients, parts: _Parts) -> tuple[Floats, Floats, Floats]:
    """SGLang computes prompts before it decodes, so clients stay in step: all prompts in one wave, then all answers.

    What a request does not wait of the wave before its first token, it waits after it. The longer the answers, the
    more the clients drift apart, and the sooner a prompt's turn comes.
    """
    # The deployment with slow attention computed one prompt a pass.
    chunk = np.where(batch.slow_attention, np.minimum(batch.input, batch.chunk), batch.chunk)
    tokens = parts.running * batch.input
    passes = np.ceil(tokens / chunk)
    one_pass = prefill_pass(batch, k, tokens / passes, batch.input) + pass_overhead(batch, k)
    wave = passes * one_pass + head(batch, k, 1.0)
    # Prompts are done evenly through the wave, each at the end of its pass, or of its own last pass.
    until_done = (wave + np.minimum(wave, wave * np.maximum(chunk, batch.input) / tokens)) / 2
    drift = k.wave_long + (k.wave_short - k.wave_long) * np.exp(-batch.output / _ANSWER)
    together = np.where(batch.drifting & (parts.running > 1), drift, 1.0)
    # Without an answer each client asks again at once, and waits for the prompts of all others.
    until_done = np.where(batch.output > 1, np.minimum(wave, until_done * together), wave)
    alone = parts.one * (1 - 1 / parts.running)
    front = np.where(batch.transformers, 0.0, k.front_time)
    rest = wave - until_done
    return until_done + alone + front, parts.step + rest / np.maximum(batch.output - 1, 1), rest


def _mixed(batch: Replicas, k: Coefficients, parts: _Parts) -> tuple[Floats, Floats, Floats]:
    """VLLM mixes prompts into decode steps, so clients drift apart: a prompt waits for the step and for others.

    A share of all prompts comes at once, as at the start of a benchmark. A prompt that takes a large part of a step's
    tokens leaves no room for the next. The prompts that a request does not wait for stall its answer.
    """
    others = parts.running - 1
    full = np.minimum(1.0, 2 * batch.input / batch.chunk)
    crowd = np.minimum(others, k.crowd * others + k.crowding * full * np.minimum(others, 1.0))
    behind = parts.one * crowd
    first = parts.one + behind + parts.step * (1 + np.minimum(others, 1.0) / 2) + k.vllm_front_time
    stall = (others - crowd) * np.maximum(0.0, parts.one - parts.overhead)
    again = k.preemption * _short_of_cache(batch, parts.running) * parts.running * parts.one
    return first, parts.step + (stall + again) / np.maximum(batch.output - 1, 1), behind


def _short_of_cache(batch: Replicas, running: Floats) -> Floats:
    """Requests that vLLM takes off and computes again, per request and unit of ``preemption``.

    They grow into a cache that has no room left: the more, the larger the answer's share of a request.
    """
    return np.asarray(_answer_share(batch) ** 2 * np.clip(2 * (batch.clients / running - 1) * _CORNER, 0.0, 1.0))


def _answer_share(batch: Replicas) -> Floats:
    return batch.output / (batch.input + batch.output)
