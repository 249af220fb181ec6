from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.listing import Algorithm, RemoteFile, checksum_of, git_checksum, select
from qwen3_runtime.weights.fetch.s3 import parse_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DIGITS = "0123456789abcdef" * 4


def chosen(paths: Sequence[str], *patterns: str) -> list[str]:
    return [file.path for file in select([RemoteFile(path, 1, None) for path in paths], patterns)]


def test_other_formats_are_left_out_where_there_are_safetensors() -> None:
    paths = ["config.json", "model.safetensors", "pytorch_model.bin", "model.gguf", "onnx/model.onnx", "logo.png"]
    assert chosen(paths) == ["config.json", "model.safetensors"]


def test_other_formats_are_kept_where_they_are_all_there_is() -> None:
    assert chosen(["model.Q8_0.gguf", ".gitattributes"]) == ["model.Q8_0.gguf"]


def test_patterns_win() -> None:
    assert chosen(["a.safetensors", "b.gguf", "x/c.gguf"], "*.gguf") == ["b.gguf", "x/c.gguf"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "", "a\\..\\x", "a\0b"])
def test_paths_that_lead_out(path: str) -> None:
    with pytest.raises(FetchError, match="outside the model's folder"):
        chosen(["config.json", path], "config.json")


def test_nothing_matches() -> None:
    with pytest.raises(FetchError, match=r"None of the 1 files of the source matches \*\.gguf"):
        chosen(["config.json"], "*.gguf")


def test_checksums_are_git_s_and_sha256sum_s(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 40_000)
    blob = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True).stdout.strip()
    sha256 = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout.split()[0]
    looks: list[None] = []
    assert checksum_of(path, Algorithm.GIT_SHA1, lambda: looks.append(None)) == git_checksum(blob)
    assert checksum_of(path, Algorithm.SHA256, lambda: None) == git_checksum(sha256.upper())
    assert len(looks) == 3


def test_manifest_as_sha256sum_writes_it() -> None:
    text = f"{DIGITS}  config.json\n{DIGITS} *sub/with space.bin\n\n{DIGITS}  ./model.safetensors\n"
    assert list(parse_manifest(text, "s3://b")) == ["config.json", "sub/with space.bin", "model.safetensors"]


@pytest.mark.parametrize("line", ["deadbeef  config.json", f"{DIGITS}", f"{'z' * 64}  x", "<html>"])
def test_manifest_that_is_none(line: str) -> None:
    with pytest.raises(FetchError, match="s3://b has a line that is none"):
        parse_manifest(line, "s3://b")
