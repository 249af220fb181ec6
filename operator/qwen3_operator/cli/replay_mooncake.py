"""Mooncake's traces: requests with the hashes of their prompt's blocks, so that what a cache would hold is known."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.replay_rows import text_of

if TYPE_CHECKING:
    from pathlib import Path

    from qwen3_operator.scaling.queue import Numbers

BLOCK_TOKENS = 512
"""Of one hash (FAST'25 release)."""


def mooncake(file: Path, cache_tokens: float) -> tuple[Numbers, Numbers, Numbers, list[str]]:
    """Seconds, prompt tokens that are not in the cache, output tokens; and what is worth knowing.

    Args:
        file: of JSON objects, one a line.
        cache_tokens: that the cache holds; the blocks that were not used for longest go first.

    Raises:
        InputError: a line is no such request, or there is none.
    """
    found: list[tuple[float, float, float]] = []
    cache, blocks, prompt = OrderedDict[int, None](), int(min(cache_tokens, 1e12) // BLOCK_TOKENS), 0.0
    for number, line in enumerate(text_of(file).splitlines(), 1):
        if not line.strip():
            continue
        at, inputs, outputs, hashes = _request(file, number, line)
        fresh = max(1.0, inputs - BLOCK_TOKENS * _hits(cache, hashes, blocks))
        prompt += inputs
        found.append((at / 1e3, fresh, outputs))
    if not found:
        raise InputError(f"{file} has no requests")
    times, inputs_, outputs_ = np.array(sorted(found), dtype=float).T
    hit = 1 - float(inputs_.sum()) / max(1.0, prompt)
    return times, inputs_, outputs_, [f"{hit:.0%} of the prompt tokens are in the cache"]


def _request(file: Path, number: int, line: str) -> tuple[float, float, float, list[int]]:
    try:
        value = json.loads(line)
        numbers = [float(value[name]) for name in ("timestamp", "input_length", "output_length")]
        hashes = [int(one) for one in value.get("hash_ids") or ()]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{file}, line {number}: {_words(error)}") from error
    if not all(0 <= one < float("inf") for one in numbers):
        raise InputError(f"{file}, line {number}: timestamp and lengths must be numbers from 0 on")
    return numbers[0], numbers[1], numbers[2], hashes


def _words(error: Exception) -> str:
    wanted = "want {timestamp in ms, input_length, output_length, hash_ids}"
    if isinstance(error, KeyError):
        return f"no {error.args[0]!r}: {wanted}"
    return f"no JSON object of a request: {wanted}"


def _hits(cache: OrderedDict[int, None], hashes: list[int], room: int) -> int:
    """Leading blocks that are there; then all of them are."""
    hits = next((place for place, one in enumerate(hashes) if one not in cache), len(hashes))
    for one in hashes:
        cache[one] = None
        cache.move_to_end(one)
    while len(cache) > room:
        cache.popitem(last=False)
    return hits


def is_mooncake(first_line: str) -> bool:
    """Whether a file that begins so is of this format."""
    try:
        value: Any = json.loads(first_line)
    except ValueError:
        return False
    return isinstance(value, dict) and "input_length" in value
