"""What is known of the constants before any row is looked at: a value, and how far it may be off (of its logarithm).

The values are what kernels and engines of this kind are commonly seen to reach; the widths say how little that is.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple, TypeAlias

Key: TypeAlias = tuple[str, str]
"""Name, and accelerator where it has its own value."""


class Rows(Enum):
    """Rows that decide a constant most."""

    QWEN = auto()
    TRANSFORMERS = auto()
    SGLANG = auto()
    VLLM = auto()
    ALL = auto()


class Prior(NamedTuple):
    """Log-normal."""

    value: float
    width: float
    rows: Rows = Rows.ALL


class Fixed(NamedTuple):
    """A constant that is not fitted."""

    value: float
    known: str
    source: str
    family: str = "Hopper"


PRIORS: dict[Key, Prior] = {
    ("memory_efficiency", ""): Prior(0.80, 0.10),
    ("decode_efficiency", ""): Prior(0.65, 0.15, Rows.QWEN),
    ("decode_efficiency_narrow", ""): Prior(0.90, 0.20, Rows.QWEN),
    ("prefill_efficiency", ""): Prior(0.65, 0.15, Rows.SGLANG),
    ("prefill_efficiency", "H20"): Prior(0.85, 0.15, Rows.QWEN),
    ("attention_efficiency", ""): Prior(0.60, 0.20, Rows.SGLANG),
    ("attention_efficiency", "H20"): Prior(0.85, 0.15, Rows.QWEN),
    ("decode_attention_efficiency", ""): Prior(0.60, 0.20, Rows.QWEN),
    ("small_group_bandwidth", ""): Prior(0.75, 0.15, Rows.QWEN),
    ("expert_efficiency", ""): Prior(0.35, 0.30, Rows.QWEN),
    ("vllm_prefill", ""): Prior(1.0, 0.10, Rows.VLLM),
    ("activation_traffic", ""): Prior(1.5, 0.30),
    ("allreduce_latency", ""): Prior(12e-6, 0.30),
    ("allreduce_growth", ""): Prior(0.35, 0.50),
    ("link_efficiency", ""): Prior(0.60, 0.30),
    ("layer_time", ""): Prior(45e-6, 0.30),
    ("expert_layer_time", ""): Prior(15e-6, 0.80, Rows.SGLANG),
    ("early_expert_layer_time", ""): Prior(25e-6, 0.40, Rows.QWEN),
    ("narrow_layer_time", ""): Prior(3e-6, 1.0, Rows.QWEN),
    ("narrow_block_time", ""): Prior(0.2e-6, 0.5, Rows.QWEN),
    ("expanded_layer_time", ""): Prior(25e-6, 0.40, Rows.QWEN),
    ("expanded_rows", ""): Prior(24.0, 0.30, Rows.QWEN),
    ("expanded_prefill", ""): Prior(0.75, 0.20, Rows.QWEN),
    ("step_time", ""): Prior(0.4e-3, 0.50),
    ("early_step_time", ""): Prior(0.2e-3, 1.0, Rows.QWEN),
    ("request_time", ""): Prior(15e-6, 0.50, Rows.SGLANG),
    ("vllm_step_time", ""): Prior(1.0e-3, 0.50, Rows.VLLM),
    ("vllm_request_time", ""): Prior(30e-6, 0.50, Rows.VLLM),
    ("front_time", ""): Prior(20e-3, 0.50, Rows.SGLANG),
    ("vllm_front_time", ""): Prior(30e-3, 0.50, Rows.VLLM),
    ("wave_short", ""): Prior(1.0, 0.30, Rows.SGLANG),
    ("wave_long", ""): Prior(0.8, 0.40, Rows.SGLANG),
    ("crowd", ""): Prior(0.05, 0.50, Rows.VLLM),
    ("crowding", ""): Prior(1.0, 0.50, Rows.VLLM),
    ("preemption", ""): Prior(10.0, 0.70, Rows.VLLM),
    ("looped_attention", ""): Prior(1.5, 0.20, Rows.QWEN),
    ("looped_layer_time", ""): Prior(250e-6, 0.30, Rows.QWEN),
    ("launch_time", ""): Prior(1.6e-6, 0.30, Rows.QWEN),
    ("slow_prefill_attention", ""): Prior(1.0, 2.0, Rows.SGLANG),
    ("slow_context_time", ""): Prior(2e-9, 2.0, Rows.SGLANG),
    ("eager_layer_time", ""): Prior(610e-6, 0.10, Rows.TRANSFORMERS),
    ("eager_linear_time", ""): Prior(100e-6, 0.20, Rows.TRANSFORMERS),
    ("eager_expert_share", ""): Prior(8 / 56, 0.15, Rows.TRANSFORMERS),
    ("eager_narrow_time", ""): Prior(1.5e-8, 0.40, Rows.TRANSFORMERS),
    ("eager_context_time", ""): Prior(2.3e-6, 0.20, Rows.TRANSFORMERS),
    ("eager_context_hidden", ""): Prior(7e-3, 0.30, Rows.TRANSFORMERS),
    ("eager_context_expanded", ""): Prior(0.25, 0.50, Rows.TRANSFORMERS),
    ("eager_prefill_efficiency", ""): Prior(0.60, 0.20, Rows.TRANSFORMERS),
}
FIXED: dict[Key, Fixed] = {
    ("tile_rows", ""): Fixed(64, "calculated", "rows of a warp group's matrix product on Hopper (PTX wgmma m64)"),
    ("expert_tile_rows", ""): Fixed(16, "calculated", "smallest row block of grouped products in vLLM and SGLang"),
    ("prefill_narrow", ""): Fixed(0.95, "calculated", "by hand: no FP8 row with long prompts on H100 or H200 is dense"),
    ("prefill_narrow", "H20"): Fixed(
        1.0, "calculated", "slopes of Qwen's table: FP8 takes half of BF16 per prompt token"
    ),
    ("slow_expert_layer_time", ""): Fixed(
        3.4e-4, "measured", "aiconfigurator-core 0.12.0, Qwen3-235B-A22B-FP8 on vLLM 0.12.0: median time per layer"
    ),
    ("vllm_eager_layer_time", ""): Fixed(
        1.05e-3,
        "measured",
        "LLMServingSim, 48 layers: a decode step and a step with a short prompt together take 63 ms",
    ),
    ("memory_efficiency", "RTX-PRO-6000-Blackwell"): Fixed(
        0.80,
        "calculated",
        "as on Hopper, of 1597 GB/s that LLMServingSim states for the card against 1792 in the catalog",
        "Blackwell",
    ),
    ("bus_efficiency", ""): Fixed(
        0.35, "calculated", "by hand, looking at the replay of LLMServingSim's run on two cards: 22 GB/s over PCIe 5"
    ),
    ("host_efficiency", ""): Fixed(
        0.6, "unknown", "estimate: share of a host's memory bandwidth that llama.cpp reaches; no row was measured"
    ),
}
