"""Each way in which a LoRA adapter can be wrong has its own path, finding and wish."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.config import AdapterFiles, Adapters, ModelFiles
from qwen3_runtime.weights import check_adapters, check_weights
from qwen3_runtime.weights.adapters import CONFIG, WEIGHTS
from tests.unit.runtime.conftest import make_config

if TYPE_CHECKING:
    from pathlib import Path

    from qwen3_runtime.weights import Problem

MODEL = {
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "num_hidden_layers": 2,
}
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "down_proj")
SETTINGS = {
    "peft_type": "LORA",
    "base_model_name_or_path": "Qwen/Qwen3-8B",
    "r": 8,
    "lora_alpha": 16,
    "target_modules": ["k_proj", "model.layers.1.mlp.down_proj"],
    "bias": "none",
    "modules_to_save": None,
    "rank_pattern": {},
}
PREFIX = "base_model.model.model.layers"
SHAPES: dict[str, tuple[int, ...]] = {
    f"{PREFIX}.0.self_attn.k_proj.lora_A.weight": (8, 128),
    f"{PREFIX}.0.self_attn.k_proj.lora_B.weight": (64, 8),
    f"{PREFIX}.1.mlp.down_proj.lora_A.weight": (8, 384),
    f"{PREFIX}.1.mlp.down_proj.lora_B.weight": (128, 8),
}


def write(folder: Path, settings: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    (folder / CONFIG).write_text(json.dumps(settings))
    header: dict[str, Any] = {}
    offset = 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * shape[1]
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    encoded = json.dumps(header).encode()
    (folder / WEIGHTS).write_bytes(len(encoded).to_bytes(8, "little") + encoded + bytes(offset))


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A good adapter, beside its model's config.json."""
    made = tmp_path / "adapter"
    made.mkdir()
    write(made, SETTINGS, SHAPES)
    (tmp_path / "config.json").write_text(json.dumps(MODEL))
    return made


def found(adapter: Path) -> Problem | None:
    room = Adapters(
        rank=16,
        targets=TARGETS,
        base_models=("Qwen/Qwen3-8B", "Qwen/Qwen3-8B-FP8"),
        files=(AdapterFiles(name="a", path=str(adapter)),),
    )
    return check_adapters(make_config(model=ModelFiles(path=str(adapter.parent)), adapters=room))


def test_a_good_adapter_has_no_problem(adapter: Path) -> None:
    assert found(adapter) is None


@pytest.mark.parametrize("base", ["Qwen/Qwen3-8B-FP8", "/data/run-7/checkpoint-500", "team-a/qwen3-tuned", None])
def test_only_a_repository_of_the_makers_tells_another_model(adapter: Path, base: str | None) -> None:
    write(adapter, SETTINGS | {"base_model_name_or_path": base}, SHAPES)
    assert found(adapter) is None


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj"], ["model.layers.0.self_attn.q_proj"]])
def test_targets_that_there_is_room_for(adapter: Path, targets: object) -> None:
    write(adapter, SETTINGS | {"target_modules": targets}, SHAPES)
    assert found(adapter) is None


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        (
            {"base_model_name_or_path": "Qwen/Qwen3-4B"},
            "AdapterMismatch",
            "was trained on Qwen/Qwen3-4B, wanted Qwen/Qwen3-8B or Qwen/Qwen3-8B-FP8",
        ),
        ({"peft_type": "IA3"}, "AdapterUnsupported", "has peft_type = IA3, wanted LORA"),
        ({"r": 32}, "AdapterUnsupported", "has r = 32, wanted at most 16"),
        ({"r": None}, "AdapterUnsupported", "has r = None, wanted at most 16"),
        ({"lora_alpha": None}, "AdapterUnsupported", "has lora_alpha = None, wanted a number"),
        ({"use_dora": True}, "AdapterUnsupported", "has use_dora = True, wanted False"),
        ({"use_rslora": True}, "AdapterUnsupported", "wanted False; lora_alpha times the square root of r"),
        ({"rank_pattern": {"q_proj": 4}}, "AdapterUnsupported", "has rank_pattern = {'q_proj': 4}, wanted {}"),
        ({"modules_to_save": ["lm_head"]}, "AdapterUnsupported", "has modules_to_save = ['lm_head'], wanted None"),
        ({"init_lora_weights": "pissa"}, "AdapterUnsupported", "has init_lora_weights = pissa, wanted True"),
        ({"target_modules": ["q_proj", "lm_head"]}, "AdapterUnsupported", "target_modules with lm_head, wanted some"),
        ({"target_modules": []}, "AdapterUnsupported", "target_modules with nothing, wanted some of q_proj"),
        ({"target_modules": 5}, "AdapterUnsupported", "target_modules with nothing, wanted some of q_proj"),
        ({"target_modules": ".*_proj"}, "AdapterUnsupported", "target_modules = .*_proj, a pattern"),
    ],
)
def test_settings(adapter: Path, changes: dict[str, Any], reason: str, words: str) -> None:
    write(adapter, SETTINGS | changes, SHAPES)
    problem = found(adapter)
    assert problem is not None
    assert problem.reason == reason
    assert problem.message.startswith(f"adapter a: {adapter}/{CONFIG} ")
    assert words in problem.message


@pytest.mark.parametrize(
    ("name", "shape", "reason", "words"),
    [
        ("0.self_attn.q_proj.lora_A.weight", (8, 4096), "AdapterMismatch", "shape [8, 4096], the layer has 128"),
        ("0.self_attn.v_proj.lora_B.weight", (128, 8), "AdapterMismatch", "shape [128, 8], the layer has 64"),
        ("0.self_attn.q_proj.lora_A.weight", (64, 128), "AdapterUnsupported", "shape [64, 128], r is 8"),
        ("0.self_attn.q_proj.lora_B.weight", (128, 64), "AdapterUnsupported", "shape [128, 64], r is 8"),
        ("2.self_attn.q_proj.lora_A.weight", (8, 128), "AdapterMismatch", "the model has 2 layers"),
        ("0.mlp.up_proj.lora_A.weight", (8, 128), "AdapterUnsupported", "wanted factors of q_proj"),
        ("0.mlp.experts.7.down_proj.weight", (8, 128), "AdapterUnsupported", "wanted factors of q_proj"),
    ],
)
def test_tensors(adapter: Path, name: str, shape: tuple[int, ...], reason: str, words: str) -> None:
    write(adapter, SETTINGS, SHAPES | {f"{PREFIX}.{name}": shape})
    problem = found(adapter)
    assert problem is not None
    assert problem.reason == reason
    assert f"{PREFIX}.{name}" in problem.message
    assert words in problem.message


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(adapter: Path, name: str) -> None:
    (adapter / name).unlink()
    problem = found(adapter)
    assert problem is not None
    assert (problem.reason, problem.message) == ("FileMissing", f"adapter a: {adapter}/{name} does not exist.")


def test_a_cut_file_is_seen(adapter: Path) -> None:
    whole = (adapter / WEIGHTS).read_bytes()
    (adapter / WEIGHTS).write_bytes(whole[:-1])
    problem = found(adapter)
    assert problem is not None
    assert problem.reason == "FileTruncated"


def test_the_model_is_looked_at_first(adapter: Path) -> None:
    (adapter / CONFIG).unlink()
    problem = check_weights(
        make_config(
            model=ModelFiles(path=str(adapter.parent / "no")),
            adapters=Adapters(rank=8, targets=TARGETS, files=(AdapterFiles(name="a", path=str(adapter)),)),
        )
    )
    assert problem is not None
    assert problem.reason == "FolderMissing"
