"""GGUF files as llama.cpp's own library writes them, and ways in which they can be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import pytest

from qwen3_runtime.config import ModelFiles
from qwen3_runtime.weights import Problem, check_folder
from qwen3_runtime.weights.gguf import read_header
from tests.unit.runtime.conftest import make_config

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = {
    "model_type": "qwen3_moe",
    "text_config.hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_experts": 8,
    "vocab_size": 1000,
}


def write(path: Path, file_type: int = 7, **tensors: gguf.GGMLQuantizationType) -> Path:
    writer = gguf.GGUFWriter(path, "qwen3moe")
    writer.add_file_type(file_type)
    writer.add_embedding_length(256)
    writer.add_block_count(2)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_expert_count(8)
    writer.add_rope_freq_base(1e6)
    writer.add_token_list(["a", "ä", "字"] * 100)
    writer.add_token_types([1, 1, 3] * 100)
    for name, kind in (tensors or {"t": gguf.GGMLQuantizationType.Q8_0}).items():
        data = gguf.quants.quantize(np.ones((3, 256), dtype=np.float32), kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def problem(path: Path, **changes: Any) -> Problem | None:
    values: dict[str, Any] = {"quantization": "GGUF-Q8_0"} | changes
    return check_folder(make_config(model=ModelFiles(path=str(path), expected_config=EXPECTED), **values))


def reason(path: Path, **changes: Any) -> str:
    found = problem(path, **changes)
    assert found is not None
    assert str(path) in found.message
    return found.reason


def test_file_and_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    assert problem(path) is None
    assert problem(tmp_path) is None


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_size_is_known_to_the_byte(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "model.gguf", x=gguf.GGMLQuantizationType[kind], y=gguf.GGMLQuantizationType.F32)
    header = read_header(path)
    assert header.is_exact
    size = path.stat().st_size
    assert 0 <= size - header.expected_size < 32, "the writer pads the last tensor"


def test_block_sizes_are_the_library_s() -> None:
    from qwen3_runtime.weights.gguf import _BLOCKS  # noqa: PLC0415 - beside its source

    assert {gguf.GGMLQuantizationType(kind): size for kind, size in _BLOCKS.items()} == {
        gguf.GGMLQuantizationType(kind): gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)] for kind in _BLOCKS
    }


def test_type_that_is_not_known_leaves_the_size_open(tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf", x=gguf.GGMLQuantizationType.TQ2_0)
    header = read_header(path)
    assert not header.is_exact
    assert header.expected_size <= path.stat().st_size
    assert problem(path) is None


def test_cut_file_says_both_sizes(tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    expected = read_header(path).expected_size
    path.write_bytes(path.read_bytes()[: expected - 1])
    found = problem(path)
    assert found is not None
    assert found.reason == "FileTruncated"
    assert f"{expected - 1} bytes" in found.message
    assert str(expected) in found.message


def test_cut_anywhere_in_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    whole = path.read_bytes()
    for length in range(0, read_header(path).expected_size, 97):
        path.write_bytes(whole[:length])
        assert reason(path) in ("FileCorrupt", "FileTruncated"), length


@pytest.mark.parametrize(
    "content", [b"<html>404</html>", b"GGUF" + b"\xff" * 100, b"GGUF\x01\0\0\0", b"GGUF\x03\0\0\0" + b"\xff" * 16]
)
def test_something_else(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.gguf").write_bytes(content)
    assert reason(tmp_path / "model.gguf") == "FileCorrupt"


def test_another_model(tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    config = make_config(
        model=ModelFiles(path=str(path), expected_config=EXPECTED | {"num_experts": 128}), quantization="GGUF-Q8_0"
    )
    found = check_folder(config)
    assert found is not None
    assert found.reason == "ConfigMismatch"
    assert "num_experts = 8, the model has 128" in found.message


def test_another_family(tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    config = make_config(
        model=ModelFiles(path=str(path), expected_config={"model_type": "qwen3"}), quantization="GGUF-Q8_0"
    )
    assert check_folder(config) is not None


def test_another_quantization(tmp_path: Path) -> None:
    assert reason(write(tmp_path / "model.gguf", file_type=15)) == "QuantizationMismatch"
    assert problem(tmp_path, quantization="GGUF-Q4_K_M") is None


def test_parts(tmp_path: Path) -> None:
    write(tmp_path / "model-00001-of-00002.gguf")
    assert reason(tmp_path) == "IndexIncomplete"
    write(tmp_path / "model-00002-of-00002.gguf")
    assert problem(tmp_path) is None


def test_two_models(tmp_path: Path) -> None:
    write(tmp_path / "one.gguf")
    write(tmp_path / "two.gguf")
    assert reason(tmp_path) == "Ambiguous"


def test_nothing(tmp_path: Path) -> None:
    assert reason(tmp_path / "missing") == "FolderMissing"
    assert reason(tmp_path) == "FolderEmpty"
    (tmp_path / "readme").touch()
    assert reason(tmp_path) == "FileMissing"
