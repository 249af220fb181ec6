"""Checks of weights in the GGUF format: one file, or the parts of one model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qwen3_runtime.weights import gguf
from qwen3_runtime.weights.problem import FoundError

if TYPE_CHECKING:
    from pathlib import Path

    from qwen3_runtime.config import RuntimeConfig

PREFIX = "GGUF-"
"""Of the catalog's names of quantizations in this format."""
_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
_FILE_TYPES = {"GGUF-Q8_0": 7, "GGUF-Q4_K_M": 15}
"""``general.file_type`` (``LlamaFileType`` of gguf-py 0.19.0)."""
_KEYS = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "intermediate_size": "feed_forward_length",
    "num_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "moe_intermediate_size": "expert_feed_forward_length",
}
"""What config.json's keys are called in the file's own metadata (``gguf/constants.py`` of gguf-py 0.19.0)."""


def check_gguf(path: Path, config: RuntimeConfig) -> None:
    """Check the file, or the one model in the folder.

    Raises:
        FoundError: the first problem.
    """
    files = model_files(path)
    headers = [_read(file) for file in files]
    _check_identity(files[0], headers[0], config)
    _check_quantization(files[0], headers[0], config.quantization)


def model_files(path: Path) -> list[Path]:
    """The file itself, or the only model of a folder with all of its parts, in order.

    Raises:
        FoundError: there is none, there are several, or a part is missing.
    """
    if path.is_file():
        return [path]
    files = sorted(path.glob("*.gguf"))
    if not files:
        raise FoundError("FileMissing", f"{path} holds no *.gguf file.")
    models = {match[1] if (match := _PART.fullmatch(file.name)) else file.name for file in files}
    if len(models) > 1:
        raise FoundError("Ambiguous", f"{path} holds {len(models)} models: {', '.join(sorted(models))}; name one file.")
    part = _PART.fullmatch(files[0].name)
    if part and len(files) != int(part[3]):
        raise FoundError("IndexIncomplete", f"{path} has {len(files)} of the {int(part[3])} parts of {part[1]}.")
    return files


def _read(path: Path) -> gguf.Header:
    size = path.stat().st_size
    try:
        header = gguf.read_header(path)
    except gguf.CorruptFileError as error:
        raise FoundError("FileCorrupt", f"{path} is no GGUF file: {error} ({size} bytes).") from error
    if size < header.expected_size:
        raise FoundError("FileTruncated", f"{path} has {size} bytes, its header describes {header.expected_size}.")
    return header


def _check_identity(path: Path, header: gguf.Header, config: RuntimeConfig) -> None:
    for name, wanted in config.model.expected_config.items():
        key = name.rpartition(".")[2]
        found, expected = header.own(_KEYS.get(key, "")), wanted
        if key == "model_type":
            found, expected = header.architecture, str(wanted).replace("_", "")
        if found is not None and found != expected:
            raise FoundError("ConfigMismatch", f"{path} has {key} = {found}, the model has {expected}.")


def _check_quantization(path: Path, header: gguf.Header, quantization: str) -> None:
    wanted, found = _FILE_TYPES.get(quantization), header.metadata.get("general.file_type")
    if wanted is not None and found != wanted:
        raise FoundError(
            "QuantizationMismatch", f"{path}: {quantization} has general.file_type {wanted}, found {found}."
        )
