"""Sizes of checkpoints: what sources state, and what is computed where none does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.accuracy.sizes import KnownSize, known_sizes
from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import Checkpoint, Model, load_catalog
from qwen3_operator.catalog.checkpoints import Bits, CheckpointRow
from qwen3_operator.catalog.weights import stored_bytes, with_size

CATALOG = load_catalog()
Q4_K_M, Q8_0 = Quantization.GGUF_Q4_K_M, Quantization.GGUF_Q8_0

SIZES = list(known_sizes(CATALOG))
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


def _name(known: KnownSize) -> str:
    return f"{known.model.name} {known.quantization}"


def _computed(model: Model, quantization: Quantization) -> Checkpoint:
    row = CheckpointRow(quantization=quantization, repository="somebody/model", source="test")
    return with_size(row, model, CATALOG.quantizations)


@pytest.mark.parametrize("known", SIZES, ids=_name)
def test_the_catalog_has_the_known_sizes(known: KnownSize) -> None:
    checkpoint = known.model.checkpoint(known.quantization)
    assert checkpoint is not None
    assert checkpoint.bytes == pytest.approx(known.bytes, rel=0.01)


@pytest.mark.parametrize("known", [known for known in SIZES if known.computed], ids=_name)
def test_computed_sizes_meet_the_known_ones(known: KnownSize) -> None:
    computed = _computed(known.model, known.quantization)
    assert computed.size == "computed"
    assert computed.bytes == pytest.approx(known.bytes, rel=0.0025)


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
