from __future__ import annotations

import json
from importlib import resources

import pytest

from qwen3_operator.api.deployment import Quantization, UseCase
from qwen3_operator.catalog import Model, load_catalog

CATALOG = load_catalog()
CONFIGS = resources.files("qwen3_operator.catalog").joinpath("data", "configs")

# Qwen3 Technical Report tables 1 and 2, exact counts from the shapes; KV bytes per token in BF16.
KNOWN = {
    "Qwen3-0.6B": (596_049_920, 440_467_456, 596_049_920, 114_688),
    "Qwen3-1.7B": (1_720_574_976, 1_409_410_048, 1_720_574_976, 114_688),
    "Qwen3-4B": (4_022_468_096, 3_633_511_936, 4_022_468_096, 147_456),
    "Qwen3-8B": (8_190_735_360, 6_946_075_648, 8_190_735_360, 147_456),
    "Qwen3-14B": (14_768_307_200, 13_212_482_560, 14_768_307_200, 163_840),
    "Qwen3-32B": (32_762_123_264, 31_206_298_624, 32_762_123_264, 262_144),
    "Qwen3-30B-A3B": (30_532_122_624, 29_909_792_768, 3_353_032_704, 98_304),
    "Qwen3-235B-A22B": (235_093_634_560, 233_848_974_848, 22_190_763_520, 192_512),
}
# Counted on the model classes of transformers 5.19.0 for the config files: all parameters, those of the vision tower.
BY_TRANSFORMERS = {
    "Qwen3-VL-2B-Instruct": (2_127_532_032, 406_957_056),
    "Qwen3-VL-4B-Instruct": (4_437_815_808, 415_347_712),
    "Qwen3-VL-8B-Instruct": (8_767_123_696, 576_388_336),
    "Qwen3-VL-32B-Instruct": (33_357_390_064, 595_266_800),
    "Qwen3-VL-30B-A3B-Instruct": (31_070_754_032, 538_631_408),
    "Qwen3-VL-235B-A22B-Instruct": (235_670_022_896, 576_388_336),
    "Qwen3-Coder-480B-A35B-Instruct": (480_154_875_392, 0),
    "Qwen3-Next-80B-A3B-Instruct": (79_674_391_296, 0),
    "Qwen3.5-27B": (27_356_728_560, 460_730_096),
    "Qwen3.5-35B-A3B": (35_107_181_936, 446_571_248),
    "Qwen3.5-122B-A10B": (122_562_817_776, 451_290_864),
    "Qwen3.5-397B-A17B": (396_802_360_816, 456_010_480),
    "Qwen2.5-Omni-3B": (4_703_464_448, 1_306_360_832),
}
REQUIRED = {
    *KNOWN,
    *(f"Qwen3-{size}-{kind}-2507" for size in ("4B", "30B-A3B", "235B-A22B") for kind in ("Instruct", "Thinking")),
    *("Qwen3-Coder-30B-A3B-Instruct", "Qwen3-Coder-480B-A35B-Instruct", "Qwen3-Coder-Next"),
    *(f"Qwen3-{kind}-{size}" for kind in ("Embedding", "Reranker") for size in ("0.6B", "4B", "8B")),
    *(
        f"Qwen3-VL-{size}-{kind}"
        for size in ("2B", "4B", "8B", "32B", "30B-A3B", "235B-A22B")
        for kind in ("Instruct", "Thinking")
    ),
    *("Qwen3-Next-80B-A3B-Instruct", "Qwen3-Next-80B-A3B-Thinking"),
    *(f"Qwen3.5-{size}" for size in ("27B", "35B-A3B", "122B-A10B", "397B-A17B")),
    *("Qwen3.6-27B", "Qwen3.6-35B-A3B", "Qwen3.8-27B", "Qwen2.5-Omni-3B", "Qwen3-Tiny"),
}


def _nested(config: object, key: str) -> object:
    for part in key.split("."):
        assert isinstance(config, dict)
        config = config[part]
    return config


@pytest.mark.parametrize("name", KNOWN)
def test_counts_follow_from_the_shapes(name: str) -> None:
    model = CATALOG.models[name]
    total, without_embedding, active, kv_bytes = KNOWN[name]
    assert model.parameters == total
    assert model.parameters - model.embedding_parameters == without_embedding
    assert model.active_parameters == active
    assert model.kv_bytes_per_token(1) == kv_bytes


@pytest.mark.parametrize("name", BY_TRANSFORMERS)
def test_counts_are_those_of_the_model_classes(name: str) -> None:
    model = CATALOG.models[name]
    assert (model.parameters, model.vision_parameters) == BY_TRANSFORMERS[name]


def test_all_models_are_there() -> None:
    assert set(CATALOG.models) == REQUIRED


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.name)
def test_counts_agree_with_what_sources_state(model: Model) -> None:
    known = model.known_total
    assert known is not None
    assert known.within <= (0.01 if "rounding" not in known.source else 0.025)
    counted = model.parameters + (model.mtp_parameters if known.mtp else 0)
    assert counted == pytest.approx(known.parameters, rel=known.within or 1e-12)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        *(("Qwen3-30B-A3B", 3), ("Qwen3-235B-A22B", 22), ("Qwen3-Coder-480B-A35B-Instruct", 35)),
        *(("Qwen3.5-35B-A3B", 3), ("Qwen3.5-122B-A10B", 10), ("Qwen3.5-397B-A17B", 17)),
    ],
)
def test_active_parameters_are_what_the_name_says(name: str, billions: int) -> None:
    assert CATALOG.models[name].active_parameters == pytest.approx(billions * 1e9, abs=0.5e9)


def test_hybrid_models_keep_a_state_and_little_kv_cache() -> None:
    """SGLang cookbook Qwen3.8-27B.mdx: 65.5 KB a token in BF16, 153.9 MB or 78.4 MB of state a slot."""
    model = CATALOG.models["Qwen3.8-27B"]
    assert model.recurrent is not None
    assert (model.attention_layers, model.recurrent.layers) == (16, 48)
    assert model.kv_bytes_per_token(1) == 16 * 4 * 256 * 2 * 2 == 65_536
    assert model.kv_bytes_per_token(1, element_bytes=1) == 32_768
    assert model.state_bytes_per_request(1) == pytest.approx(153.9e6, abs=0.05e6)
    assert model.state_bytes_per_request(1, "bfloat16") == pytest.approx(78.4e6, abs=0.05e6)
    assert model.state_bytes_per_request(4) == model.state_bytes_per_request(1) // 4
    assert CATALOG.models["Qwen3-8B"].state_bytes_per_request(1) == 0


def test_prediction_heads_are_counted_apart() -> None:
    """SGLang's Ascend tutorial states 162.68 GB for the repository."""
    model = CATALOG.models["Qwen3-Next-80B-A3B-Instruct"]
    assert 2 * (model.parameters + model.mtp_parameters) == pytest.approx(162.68e9, rel=0.0005)
    assert CATALOG.models["Qwen3-8B"].mtp_parameters == 0


def test_all_parameters_are_those_of_the_files() -> None:
    """Shard headers of Qwen3.6-27B-FP8: 27,782,935,472 numbers, a scale for each block of 128 x 128 among them."""
    model = CATALOG.models["Qwen3.6-27B"]
    linear = model.attention_parameters + model.recurrent_projection_parameters + model.feed_forward_parameters
    scales = (linear + model.mtp_linear_parameters) // 128**2
    assert model.parameters + model.mtp_parameters + scales == 27_782_935_472


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.name)
def test_expected_config_is_what_the_repository_says(model: Model) -> None:
    config = json.loads(CONFIGS.joinpath(_config_of(model.name)).read_text(encoding="utf-8"))
    expected = model.expected_config()
    assert expected == {key: _nested(config, key) for key in expected}
    assert {"model_type"} < set(expected)


def _config_of(name: str) -> str:
    for old, new in (("-Instruct-2507", "-2507"), ("-Thinking-2507", "-2507"), ("-Thinking", "-Instruct")):
        name = name.replace(old, new)
    return f"{name.replace('80B-A3B-Instruct', '80B-A3B')}.json"


def test_expected_configs_tell_shapes_apart() -> None:
    shapes = {json.dumps(model.expected_config(), sort_keys=True): model for model in CATALOG.models.values()}
    sizes = {(model.model_type, model.text_parameters) for model in CATALOG.models.values()}
    assert len(shapes) == len(sizes)


def test_only_published_copies_and_marked_files_are_there() -> None:
    """A config that the project wrote says so, and from what."""
    for path in CONFIGS.iterdir():
        if path.name.endswith(".json"):
            config = json.loads(path.read_text(encoding="utf-8"))
            source = config.get("_source", "")
            assert source.startswith("written by this project: ") or "architectures" in config, path.name


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


def test_use_cases_fit_the_names() -> None:
    for model in CATALOG.models.values():
        assert (UseCase.EMBEDDING in model.use_cases) == ("Embedding" in model.name)
        assert (UseCase.RERANK in model.use_cases) == ("Reranker" in model.name)
        assert (model.thinking == "Always") == ("Thinking" in model.name)
        if model.vision:
            assert UseCase.VISION in model.use_cases


def test_what_the_engine_cannot_run_says_so() -> None:
    refused = {model.name for model in CATALOG.models.values() if model.not_served}
    assert refused == {"Qwen2.5-Omni-3B"}


def test_hubs_default_to_the_two_that_share_ids() -> None:
    own = CATALOG.models["Qwen3-8B"].checkpoint(Quantization.BF16)
    community = CATALOG.models["Qwen3-30B-A3B"].checkpoint(Quantization.AWQ_INT4)
    made_here = CATALOG.models["Qwen3-Tiny"].checkpoint(Quantization.BF16)
    assert own is not None
    assert community is not None
    assert made_here is not None
    assert made_here.identifier("HuggingFace") is None
    assert own.identifier("HuggingFace") == own.identifier("ModelScope") == "Qwen/Qwen3-8B"
    assert own.identifier("Modelers") == "Modelers_Park/Qwen3-8B"
    assert community.identifier("HuggingFace") is community.identifier("Modelers") is None
    assert community.identifier("ModelScope") == "swift/Qwen3-30B-A3B-AWQ"
