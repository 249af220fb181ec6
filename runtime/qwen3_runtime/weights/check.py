"""Checks of the folder of weights, in the order in which a person would look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen3_runtime.weights import quantization
from qwen3_runtime.weights.files import read_object, read_tensors, require, require_folder
from qwen3_runtime.weights.gguf_check import PREFIX, check_gguf, model_files
from qwen3_runtime.weights.problem import FoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_runtime.config import RuntimeConfig

INDEX = "model.safetensors.index.json"
TEMPLATE = "chat_template.jinja"
"""Where newer versions of transformers save the chat template."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def check_folder(config: RuntimeConfig) -> Problem | None:
    """First problem of the folder ``config.model.path``, or None. Reads headers, never the weights themselves."""
    folder = Path(config.model.path)
    try:
        for check in _GGUF if config.quantization.startswith(PREFIX) else _SAFETENSORS:
            check(folder, config)
    except FoundError as found:
        return found.problem
    except OSError as error:
        return Problem("Unreadable", f"{error.filename or folder} cannot be read: {error.strerror}.")
    return None


def with_weights(config: RuntimeConfig) -> RuntimeConfig:
    """``config`` with the path that an engine opens: of a GGUF model the first file, else the folder."""
    if not config.quantization.startswith(PREFIX):
        return config
    first = model_files(Path(config.model.path))[0]
    return config.model_copy(update={"model": config.model.model_copy(update={"path": str(first)})})


def _check_exists(folder: Path, _: RuntimeConfig) -> None:
    require_folder(folder)


def _check_present(path: Path, _: RuntimeConfig) -> None:
    """A GGUF model may be one file."""
    if not path.is_file():
        require_folder(path)


def _check_identity(folder: Path, config: RuntimeConfig) -> None:
    path = folder / "config.json"
    model = read_object(path)
    for key, expected in config.model.expected_config.items():
        found = _lookup(model, key)
        if found != expected:
            raise FoundError("ConfigMismatch", f"{path} has {key} = {found}, the model has {expected}.")


def _lookup(model: Mapping[str, Any], key: str) -> Any:
    """Value under a key with dots between levels, e.g. ``text_config.hidden_size``."""
    found: Any = model
    for part in key.split("."):
        found = found.get(part, "nothing") if isinstance(found, dict) else "nothing"
    return found


def _check_quantization(folder: Path, config: RuntimeConfig) -> None:
    path = folder / "config.json"
    modelslim = (folder / quantization.MODELSLIM_FILE).is_file()
    problem = quantization.mismatch(config.quantization, read_object(path), has_modelslim_file=modelslim)
    if problem:
        raise FoundError("QuantizationMismatch", f"{path}: {problem}.")


def _check_tokenizer(folder: Path, _: RuntimeConfig) -> None:
    for name in TOKENIZER_FILES:
        require(folder / name)
    settings = folder / "tokenizer_config.json"
    if "chat_template" not in read_object(settings) and not (folder / TEMPLATE).is_file():
        raise FoundError("FileMissing", f"{settings} has no chat_template and {folder / TEMPLATE} does not exist.")


def _check_weights(folder: Path, _: RuntimeConfig) -> None:
    for path in _weight_files(folder):
        read_tensors(path)


def _weight_files(folder: Path) -> list[Path]:
    """Files of the index, or every ``*.safetensors`` where there is no index."""
    index = folder / INDEX
    if not index.is_file():
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise FoundError("FileMissing", f"{folder} has neither {INDEX} nor a *.safetensors file.")
        return files
    weight_map = read_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise FoundError("FileCorrupt", f"{index} has no weight_map.")
    files = [folder / str(name) for name in sorted(set(weight_map.values()))]
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise FoundError(
            "IndexIncomplete", f"{folder} lacks {len(missing)} of {len(files)} files of {INDEX}, first {missing[0]}."
        )
    return files


_SAFETENSORS: tuple[Callable[[Path, RuntimeConfig], None], ...] = (
    _check_exists,
    _check_identity,
    _check_quantization,
    _check_tokenizer,
    _check_weights,
)
_GGUF: tuple[Callable[[Path, RuntimeConfig], None], ...] = (_check_present, check_gguf)
