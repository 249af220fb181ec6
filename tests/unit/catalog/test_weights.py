"""Sizes of checkpoints: what sources state, and what is computed where none does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import Checkpoint, Model, load_catalog
from qwen3_operator.catalog.checkpoints import Bits, CheckpointRow
from qwen3_operator.catalog.weights import stored_bytes, with_size

CATALOG = load_catalog()
Q4_K_M, Q8_0 = Quantization.GGUF_Q4_K_M, Quantization.GGUF_Q8_0

# Files on Hugging Face, in bytes.
FILES = {
    ("Qwen3-0.6B", Q8_0): 639_446_688,
    ("Qwen3-8B", Q8_0): 8_709_518_112,
    ("Qwen3-4B", Q4_K_M): 2_497_280_256,
    ("Qwen3-8B", Q4_K_M): 5_027_783_488,
    ("Qwen3-14B", Q4_K_M): 9_001_752_960,
    ("Qwen3-32B", Q4_K_M): 19_762_149_024,
    ("Qwen3-30B-A3B", Q4_K_M): 18_556_685_824,
    ("Qwen3-235B-A22B", Q4_K_M): 142_154_068_008,
    ("Qwen3-Reranker-0.6B", Quantization.BF16): 1_191_588_280,
    ("Qwen3.6-27B", Quantization.FP8): 30_866_866_928,
    ("Qwen3.8-27B", Quantization.FP8): 30_866_866_928,
}
# Repositories in 1e9 bytes: SGLang's Ascend tutorials; KAITO's test for AWQ (5.68 GiB); sizes of Qwen3.5 and Qwen3.6 on
# Hugging Face, in FP8 and BF16 (51.75 GiB), as public comparisons quote them.
REPOSITORIES = {
    ("Qwen3-8B", Quantization.BF16): 16.40,
    ("Qwen3-32B", Quantization.BF16): 65.54,
    ("Qwen3-30B-A3B-Instruct-2507", Quantization.BF16): 61.08,
    ("Qwen3-235B-A22B-Instruct-2507", Quantization.BF16): 470.21,
    ("Qwen3-Next-80B-A3B-Instruct", Quantization.BF16): 162.68,
    ("Qwen3-8B", Quantization.AWQ_INT4): 6.10,
    ("Qwen3.5-397B-A17B", Quantization.FP8): 406.2,
    ("Qwen3.6-35B-A3B", Quantization.FP8): 37.5,
    ("Qwen3.6-27B", Quantization.BF16): 51.75 * 2**30 / 1e9,
}
# Of these nothing is computed: which layers stay in BF16 is the quantiser's choice.
STATED_ONLY = {
    ("Qwen3-8B", Quantization.W8A8): 11.27,
    ("Qwen3-32B", Quantization.W8A8): 42.77,
    ("Qwen3-30B-A3B", Quantization.W8A8): 31.29,
    ("Qwen3-235B-A22B", Quantization.W8A8): 236.80,
    ("Qwen3-Next-80B-A3B-Instruct", Quantization.W8A8): 84.90,
    ("Qwen3.6-27B", Quantization.W8A8): 36.45,
    ("Qwen3.6-35B-A3B", Quantization.W8A8): 39.81,
}
KNOWN = {key: float(size) for key, size in FILES.items()} | {
    key: size * 1e9 for key, size in (REPOSITORIES | STATED_ONLY).items()
}
# The estimates of the fact sheet, made by the same arithmetic: linear layers quantised, the rest in BF16.
BY_HAND = {
    ("Qwen3-0.6B", Quantization.FP8): 751_751_680,
    ("Qwen3-8B", Quantization.FP8): 9_436_551_168,
    ("Qwen3-30B-A3B", Quantization.FP8): 31_170_895_872,
    ("Qwen3-235B-A22B", Quantization.FP8): 236_416_915_456,
    ("Qwen3-4B", Quantization.AWQ_INT4): 2_665_925_632,
    ("Qwen3-235B-A22B", Quantization.GPTQ_INT4): 124_055_313_408,
    ("Qwen3-1.7B", Quantization.GPTQ_INT8): 2_064_893_952,
}
ALL = [(model, checkpoint) for model in CATALOG.models.values() for checkpoint in model.checkpoints]


def _computed(model: Model, quantization: Quantization) -> Checkpoint:
    row = CheckpointRow(quantization=quantization, repository="somebody/model", source="test")
    return with_size(row, model, CATALOG.quantizations)


@pytest.mark.parametrize("key", KNOWN, ids=" ".join)
def test_the_catalog_has_the_known_sizes(key: tuple[str, Quantization]) -> None:
    checkpoint = CATALOG.models[key[0]].checkpoint(key[1])
    assert checkpoint is not None
    assert checkpoint.bytes == pytest.approx(KNOWN[key], rel=0.01)


@pytest.mark.parametrize("key", [*FILES, *REPOSITORIES], ids=" ".join)
def test_computed_sizes_meet_the_known_ones(key: tuple[str, Quantization]) -> None:
    computed = _computed(CATALOG.models[key[0]], key[1])
    assert computed.size == "computed"
    assert computed.bytes == pytest.approx(KNOWN[key], rel=0.0025)


@pytest.mark.parametrize("key", BY_HAND, ids=" ".join)
def test_computed_sizes_are_the_arithmetic_they_claim(key: tuple[str, Quantization]) -> None:
    assert _computed(CATALOG.models[key[0]], key[1]).bytes == BY_HAND[key]


@pytest.mark.parametrize(
    ("model", "checkpoint"), ALL, ids=lambda part: part.name if isinstance(part, Model) else part.quantization
)
def test_sizes_are_plausible(model: Model, checkpoint: Checkpoint) -> None:
    bits = checkpoint.bytes * 8 / model.parameters
    assert 3.5 < bits < 17
    assert checkpoint.loaded_bytes == checkpoint.bytes - checkpoint.mtp_bytes
    assert 0 <= checkpoint.mtp_bytes <= 2 * model.mtp_parameters


def test_what_the_engine_loads_of_a_hybrid_model() -> None:
    """SGLang's cookbook has Qwen3.8-27B-FP8 at about 28.5 GB; the engine's GB are GiB."""
    checkpoint = CATALOG.models["Qwen3.8-27B"].checkpoint(Quantization.FP8)
    assert checkpoint is not None
    assert checkpoint.loaded_bytes / 2**30 == pytest.approx(28.5, rel=0.015)


def test_a_size_that_nothing_tells_is_asked_for() -> None:
    with pytest.raises(ValueError, match="bytes are needed: the size of W8A8 cannot be computed"):
        _computed(CATALOG.models["Qwen3-14B"], Quantization.W8A8)


def test_a_row_may_say_how_it_is_quantised() -> None:
    """NVIDIA's Qwen3.5 checkpoints have only the routed experts in NVFP4."""
    model = CATALOG.models["Qwen3.5-122B-A10B"]
    row = CheckpointRow(quantization=Quantization.NVFP4, repository="r", source="s", bits=Bits(experts=4.5))
    assert with_size(row, model, CATALOG.quantizations).mtp_bytes == 2 * model.mtp_parameters
    rest = model.parameters + model.mtp_parameters - model.expert_parameters
    assert with_size(row, model, CATALOG.quantizations).bytes == 2 * rest + round(model.expert_parameters * 4.5 / 8)


@given(
    model=st.sampled_from(list(CATALOG.models.values())),
    narrow=st.floats(3, 16),
    more=st.floats(0, 16),
)
def test_wider_formats_are_never_smaller(model: Model, narrow: float, more: float) -> None:
    def size(width: float) -> int:
        return stored_bytes(model, Bits(attention=width, experts=width, feed_forward=width))

    assert size(narrow) <= size(min(32, narrow + more))
    assert size(16) == 2 * (model.parameters + model.mtp_parameters)


@given(model=st.sampled_from(list(CATALOG.models.values())), power=st.integers(0, 7), element=st.sampled_from([1, 2]))
def test_kv_cache_per_device_never_grows_with_the_devices(model: Model, power: int, element: int) -> None:
    one, two = (model.kv_bytes_per_token(2 ** (power + more), element) for more in (0, 1))
    assert 0 < two <= one <= 2 * two
    assert model.kv_bytes_per_token(2**power, 2) == 2 * model.kv_bytes_per_token(2**power, 1)
    assert model.state_bytes_per_request(2 ** (power + 1)) <= model.state_bytes_per_request(2**power)


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.name)
def test_parts_make_the_whole(model: Model) -> None:
    parts = (
        model.embedding_parameters,
        model.attention_parameters,
        model.recurrent_parameters,
        model.expert_parameters,
        model.feed_forward_parameters,
        model.replicated_parameters,
        model.vision_parameters,
    )
    assert all(part >= 0 for part in parts)
    assert sum(parts) == model.parameters
    assert 0 < model.active_parameters <= model.text_parameters <= model.parameters
    assert model.kv_projection_parameters < model.attention_parameters
