"""Each way in which a folder of weights can be wrong has its own reason, path and finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.config import ModelFiles, RuntimeConfig
from qwen3_runtime.weights import Problem, check_folder
from qwen3_runtime.weights.quantization import mismatch
from tests.unit.runtime.conftest import make_config

if TYPE_CHECKING:
    from pathlib import Path


def config_for(folder: Path, **changes: Any) -> RuntimeConfig:
    return make_config(model=ModelFiles(path=str(folder), expected_config={"hidden_size": 128}), **changes)


def problem_of(folder: Path) -> Problem:
    problem = check_folder(config_for(folder))
    assert problem is not None
    return problem


def test_complete_folder_has_no_problem(model_folder: Path) -> None:
    assert check_folder(config_for(model_folder)) is None


def test_single_file_without_index_is_enough(model_folder: Path) -> None:
    (model_folder / "model.safetensors.index.json").unlink()
    assert check_folder(config_for(model_folder)) is None


def test_missing_folder(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "deeper"
    assert problem_of(missing) == Problem("FolderMissing", f"{missing} is not a folder; {tmp_path} is empty.")
    for name in ("g", "b", "a", "f", "e", "d", ".lock"):
        (tmp_path / name).touch()
    assert problem_of(missing).message.endswith(f"; {tmp_path} holds a, b, d, e, f and 1 more.")


def test_empty_folder(tmp_path: Path) -> None:
    assert problem_of(tmp_path).reason == "FolderEmpty"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_missing_file_is_named(model_folder: Path, name: str) -> None:
    (model_folder / name).unlink()
    assert problem_of(model_folder) == Problem("FileMissing", f"{model_folder}/{name} does not exist.")


def test_chat_template_in_either_place(model_folder: Path) -> None:
    (model_folder / "tokenizer_config.json").write_text("{}")
    problem = problem_of(model_folder)
    assert problem.reason == "FileMissing"
    assert "chat_template" in problem.message
    (model_folder / "chat_template.jinja").touch()
    assert check_folder(config_for(model_folder)) is None


def test_config_of_another_model_names_key_found_and_expected(model_folder: Path) -> None:
    (model_folder / "config.json").write_text(json.dumps({"hidden_size": 4096}))
    problem = problem_of(model_folder)
    assert problem.reason == "ConfigMismatch"
    assert "hidden_size = 4096" in problem.message
    assert "128" in problem.message


@pytest.mark.parametrize(
    ("config", "shown"),
    [({"text_config": {"hidden_size": 64}}, "64"), ({}, "nothing"), ({"text_config": 1}, "nothing")],
)
def test_config_of_a_multimodal_model_is_read_where_it_is_nested(
    model_folder: Path, config: dict[str, Any], shown: str
) -> None:
    wanted = make_config(model=ModelFiles(path=str(model_folder), expected_config={"text_config.hidden_size": 128}))
    (model_folder / "config.json").write_text(json.dumps({"text_config": {"hidden_size": 128}}))
    assert check_folder(wanted) is None
    (model_folder / "config.json").write_text(json.dumps(config))
    problem = check_folder(wanted)
    assert problem is not None
    assert problem.reason == "ConfigMismatch"
    assert f"text_config.hidden_size = {shown}, the model has 128" in problem.message


def test_config_that_is_no_json(model_folder: Path) -> None:
    (model_folder / "config.json").write_text("{")
    assert problem_of(model_folder).reason == "FileCorrupt"


def test_shard_that_the_index_names_but_is_not_there(model_folder: Path) -> None:
    (model_folder / "two.safetensors").unlink()
    problem = problem_of(model_folder)
    assert problem.reason == "IndexIncomplete"
    assert "1 of 2" in problem.message
    assert "two.safetensors" in problem.message


def test_neither_index_nor_weights(model_folder: Path) -> None:
    for path in (*model_folder.glob("*.safetensors"), model_folder / "model.safetensors.index.json"):
        path.unlink()
    assert problem_of(model_folder).reason == "FileMissing"


def test_truncated_shard_says_both_sizes(model_folder: Path) -> None:
    shard = model_folder / "one.safetensors"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    problem = problem_of(model_folder)
    assert problem.reason == "FileTruncated"
    assert f"{len(whole) - 1} bytes" in problem.message
    assert str(len(whole)) in problem.message


@pytest.mark.parametrize("kept", [0, 4, 30])
def test_shard_cut_inside_its_header(model_folder: Path, kept: int) -> None:
    shard = model_folder / "one.safetensors"
    shard.write_bytes(shard.read_bytes()[:kept])
    assert problem_of(model_folder).reason == "FileCorrupt"


def test_error_page_saved_as_weights(model_folder: Path) -> None:
    (model_folder / "one.safetensors").write_text("<html>404 not found</html>")
    assert problem_of(model_folder).reason == "FileCorrupt"


def test_quantized_folder_for_an_unquantized_plan(model_folder: Path) -> None:
    (model_folder / "config.json").write_text(
        json.dumps({"hidden_size": 128, "quantization_config": {"quant_method": "fp8"}})
    )
    problem = problem_of(model_folder)
    assert problem.reason == "QuantizationMismatch"
    assert "fp8" in problem.message


@pytest.mark.parametrize(
    ("quantization", "entry", "modelslim", "fits"),
    [
        ("BF16", None, False, True),
        ("BF16", {"quant_method": "awq", "bits": 4}, False, False),
        ("FP8", {"quant_method": "fp8", "weight_block_size": [128, 128]}, False, True),
        ("FP8", None, False, False),
        ("AWQ-INT4", {"quant_method": "awq", "bits": 4}, False, True),
        ("GPTQ-INT4", {"quant_method": "gptq", "bits": 8}, False, False),
        ("GPTQ-INT8", {"quant_method": "gptq", "bits": 8}, False, True),
        ("W8A8", None, True, True),
        ("W8A8", None, False, False),
        ("BF16", None, True, False),
        ("NVFP4", {"quant_method": "modelopt"}, False, True),
    ],
)
def test_quantization_is_recognized(quantization: str, entry: Any, modelslim: bool, fits: bool) -> None:  # noqa: FBT001
    problem = mismatch(quantization, {"quantization_config": entry}, has_modelslim_file=modelslim)
    assert (problem is None) is fits
