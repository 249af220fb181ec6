from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import load_catalog

CATALOG = load_catalog()
CONFIGS = sorted((Path(__file__).parent / "configs").glob("*.json"))

# Qwen3 Technical Report tables 1 and 2, exact counts from the shapes; KV bytes per token in BF16.
KNOWN = {
    "Qwen3-0.6B": (596_049_920, 440_467_456, 114_688),
    "Qwen3-1.7B": (1_720_574_976, 1_409_410_048, 114_688),
    "Qwen3-4B": (4_022_468_096, 3_633_511_936, 147_456),
    "Qwen3-8B": (8_190_735_360, 6_946_075_648, 147_456),
    "Qwen3-14B": (14_768_307_200, 13_212_482_560, 163_840),
    "Qwen3-32B": (32_762_123_264, 31_206_298_624, 262_144),
    "Qwen3-30B-A3B": (30_532_122_624, 29_909_792_768, 98_304),
    "Qwen3-235B-A22B": (235_093_634_560, 233_848_974_848, 192_512),
}


@pytest.mark.parametrize("name", KNOWN)
def test_counts_follow_from_the_shapes(name: str) -> None:
    model = CATALOG.models[name]
    total, without_embedding, kv_bytes = KNOWN[name]
    assert model.parameters == total
    assert model.parameters - model.embedding_parameters == without_embedding
    assert model.kv_bytes_per_token(1) == kv_bytes


def test_all_models_are_there() -> None:
    assert set(CATALOG.models) == {*KNOWN, "Qwen3-Tiny"}


@pytest.mark.parametrize("name", [*KNOWN, "Qwen3-Tiny"])
def test_bf16_is_two_bytes_a_parameter(name: str) -> None:
    model = CATALOG.models[name]
    checkpoint = model.checkpoint(Quantization.BF16)
    assert checkpoint is not None
    assert checkpoint.bytes == pytest.approx(2 * model.parameters, rel=0.002)


@pytest.mark.parametrize("name", KNOWN)
def test_formats_shrink_with_their_rank(name: str) -> None:
    ranked = sorted(CATALOG.models[name].checkpoints, key=lambda found: CATALOG.quantizations[found.quantization].rank)
    cuda = [found.bytes for found in ranked if found.quantization is not Quantization.W8A8]
    eight_bit = {Quantization.FP8, Quantization.GPTQ_INT8}
    assert cuda[0] == max(cuda)
    for found in ranked[1:]:
        assert found.bytes < ranked[0].bytes * (0.75 if found.quantization in {*eight_bit, Quantization.W8A8} else 0.5)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_expected_config_is_what_the_repository_says(path: Path) -> None:
    published = json.loads(path.read_text())
    expected = CATALOG.models[path.stem].expected_config()
    assert expected == {key: published[key] for key in expected}
    assert published["max_position_embeddings"] == CATALOG.models[path.stem].max_position_embeddings
    assert published["tie_word_embeddings"] == CATALOG.models[path.stem].tied_embeddings


def test_expected_configs_tell_all_models_apart() -> None:
    seen = {json.dumps(model.expected_config(), sort_keys=True) for model in CATALOG.models.values()}
    assert len(seen) == len(CATALOG.models)


def test_kv_heads_are_copied_beyond_their_number() -> None:
    model = CATALOG.models["Qwen3-235B-A22B"]
    assert [model.kv_bytes_per_token(size) for size in (1, 2, 4, 8)] == [192_512, 96_256, 48_128, 48_128]


def test_yarn_starts_beyond_the_position_embeddings() -> None:
    model = CATALOG.models["Qwen3-8B"]
    assert [model.unscaled_context(length) for length in (4096, 40_960, 40_961, 131_072)] == [
        40_960, 40_960, 32_768, 32_768,
    ]  # fmt: skip
    assert model.max_context == 131_072
    assert CATALOG.models["Qwen3-0.6B"].max_context == 40_960
