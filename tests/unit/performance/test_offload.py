"""llama.cpp with part of the layers on a device."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.performance.offload import Host, Offload, offload
from tests.unit.performance.given import CATALOG, CONSTANTS

GB = 10**9
HOST = Host(memory_bandwidth=60e9, link_bandwidth=25e9)


def split(model: str, memory: float, **fields: Any) -> Offload:
    found = CATALOG.models[model]
    checkpoint = found.checkpoint(Quantization.GGUF_Q4_K_M)
    assert checkpoint is not None
    asked: dict[str, Any] = {
        "context": 4096,
        "prompt": 512,
        "host": HOST,
        "accelerator": CATALOG.accelerators["RTX-4090"],
    } | fields
    made = offload(model=found, checkpoint=checkpoint, device_memory=int(memory), constants=CONSTANTS, **asked)
    assert made is not None
    return made


def test_four_billion_parameters_fit_a_small_laptop_gpu_whole_only_with_a_short_context() -> None:
    short, long = split("Qwen3-4B", 4 * GB), split("Qwen3-4B", 4 * GB, context=32768)
    assert short.layers == short.of == 37
    assert 0 < long.layers < 37
    assert long.tokens_per_second < short.tokens_per_second


def test_thirty_billion_parameters_are_split_on_a_small_card_and_whole_on_a_large_one() -> None:
    small, large = split("Qwen3-30B-A3B", 12 * GB), split("Qwen3-30B-A3B", 24 * GB)
    assert 0 < small.layers < large.layers == large.of == 49
    assert small.device_bytes <= 12 * GB
    assert small.tokens_per_second < large.tokens_per_second


def test_more_memory_never_costs_speed() -> None:
    found = [split("Qwen3-8B", memory * GB / 4) for memory in range(40)]
    for less, more in pairwise(found):
        assert more.layers >= less.layers
        assert more.tokens_per_second >= less.tokens_per_second
        assert more.time_to_first_token <= less.time_to_first_token
        assert more.device_bytes + more.host_bytes == pytest.approx(less.device_bytes + less.host_bytes, rel=0.2)


def test_without_a_device_the_host_s_memory_decides() -> None:
    found = split("Qwen3-8B", 0)
    assert found.layers == 0
    slower = split("Qwen3-8B", 0, host=Host(30e9, 25e9))
    assert slower.tokens_per_second == pytest.approx(found.tokens_per_second / 2, rel=0.1)


def test_an_unknown_device_has_no_answer() -> None:
    model = CATALOG.models["Qwen3-8B"]
    checkpoint = model.checkpoint(Quantization.GGUF_Q4_K_M)
    assert checkpoint is not None
    nothing = CATALOG.accelerators["H200-NVL"]
    asked: dict[str, Any] = {
        "device_memory": 8 * GB,
        "host": HOST,
        "context": 4096,
        "prompt": 512,
        "constants": CONSTANTS,
    }
    assert offload(model=model, checkpoint=checkpoint, accelerator=nothing, **asked) is None
