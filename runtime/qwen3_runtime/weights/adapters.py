"""Checks of LoRA adapters, in peft's format: of this model, within the room that was planned, and loadable as they are.

What an adapter may not have, SGLang 0.5.23 (lora/lora.py, lora_manager.py) or vLLM 0.32.0 (lora/peft_helper.py) refuses
or, worse, passes over. The same is asked on every engine, so that an adapter moves between them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen3_runtime.weights.files import read_object, read_tensors, require_folder
from qwen3_runtime.weights.problem import FoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qwen3_runtime.config import AdapterFiles, Adapters, RuntimeConfig

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
OWNER = "Qwen/"
"""Repositories of the makers tell which model it is; other names, e.g. of a trainer's folder, do not."""
_TENSOR = re.compile(r"\.layers\.(\d+)\..*?(\w+)\.lora_([AB])(?:\.default)?\.weight$")
_NEEDED: Mapping[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "modules_to_save": (None, []),
    "use_dora": (False, None),
    "use_rslora": (False, None),
    "lora_bias": (False, None),
    "rank_pattern": ({}, None),
    "alpha_pattern": ({}, None),
    "layer_replication": (None, []),
    # Others, like PiSSA, change the model's own weights when peft loads them.
    "init_lora_weights": (True, False, "gaussian", "eva", "orthogonal", None),
}
"""Keys of adapter_config.json and the values with which engines do what peft does; the first is what is wanted."""
_REMEDIES = {"use_rslora": "; lora_alpha times the square root of r without it is the same adapter"}


def check_adapters(config: RuntimeConfig) -> Problem | None:
    """First problem of the adapters, or None. Reads headers, never the weights themselves."""
    if config.adapters is None:
        return None
    problems = (check_adapter(config, adapter) for adapter in config.adapters.files)
    return next((problem for problem in problems if problem is not None), None)


def check_adapter(config: RuntimeConfig, adapter: AdapterFiles) -> Problem | None:
    """First problem of one adapter, which says whose it is, or None. The configuration has room for adapters."""
    assert config.adapters is not None  # noqa: S101 - else there is nothing to ask
    try:
        _check(Path(adapter.path), config.adapters, read_object(Path(config.model.path) / "config.json"))
    except FoundError as found:
        return replace(found.problem, message=f"adapter {adapter.name}: {found.problem.message}")
    except OSError as error:
        return Problem("Unreadable", f"{error.filename} cannot be read: {error.strerror}.")
    return None


def _check(folder: Path, room: Adapters, model: Mapping[str, Any]) -> None:
    require_folder(folder)
    path = folder / CONFIG
    config = read_object(path)
    base = str(config.get("base_model_name_or_path") or "")
    if base.startswith(OWNER) and room.base_models and base not in room.base_models:
        raise FoundError("AdapterMismatch", f"{path} was trained on {base}, wanted {' or '.join(room.base_models)}.")
    for problem in _unsupported(config, room):
        raise FoundError("AdapterUnsupported", f"{path} has {problem}.")
    _check_tensors(folder / WEIGHTS, config["r"], room, model)


def _unsupported(config: Mapping[str, Any], room: Adapters) -> Iterator[str]:
    """What keeps the adapter from being loaded, in numbers and names."""
    for key, allowed in _NEEDED.items():
        if config.get(key, allowed[-1]) not in allowed:
            yield f"{key} = {config[key]}, wanted {allowed[0]}{_REMEDIES.get(key, '')}"
    rank = config.get("r")
    if not isinstance(rank, int) or not 0 < rank <= room.rank:
        yield f"r = {rank}, wanted at most {room.rank}, for which there is room (spec.model.adapters[].rank)"
    if not isinstance(config.get("lora_alpha"), int | float):
        yield f"lora_alpha = {config.get('lora_alpha')}, wanted a number"
    targets = config.get("target_modules")
    if isinstance(targets, str) and targets != "all-linear":
        yield f"target_modules = {targets}, a pattern, wanted a list of names or all-linear"
    elif not isinstance(targets, str):
        names = {str(name).rpartition(".")[2] for name in targets} if isinstance(targets, list) else set()
        if not names or not names <= set(room.targets):
            found = ", ".join(sorted(names - set(room.targets))) or "nothing"
            yield f"target_modules with {found}, wanted some of {', '.join(room.targets)}"


def _check_tensors(path: Path, rank: int, room: Adapters, model: Mapping[str, Any]) -> None:
    """Each low-rank factor must meet a layer of the model, and have the rank that there is room for."""
    features, layers = _features(model), _number(model, "num_hidden_layers")
    for name, shape in read_tensors(path).items():
        found = _TENSOR.search(name)
        if found is None or found[2] not in room.targets:
            raise FoundError("AdapterUnsupported", f"{path} holds {name}, wanted factors of {', '.join(room.targets)}.")
        if int(found[1]) >= layers:
            raise FoundError("AdapterMismatch", f"{path} holds {name}, the model has {layers} layers.")
        inputs, outputs = features[found[2]]
        side, wanted = (shape[1:], inputs) if found[3] == "A" else (shape[:1], outputs)
        if side != (wanted,):
            raise FoundError("AdapterMismatch", f"{path}: {name} has the shape {list(shape)}, the layer has {wanted}.")
        if (shape[:1] if found[3] == "A" else shape[1:]) != (rank,):
            raise FoundError("AdapterUnsupported", f"{path}: {name} has the shape {list(shape)}, r is {rank}.")


def _features(model: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of the layers that adapters may change, by config.json."""
    hidden, heads = _number(model, "hidden_size"), _number(model, "num_attention_heads")
    inner = _number(model, "intermediate_size")
    head = int(model.get("head_dim") or hidden // heads)
    queries, keys = heads * head, _number(model, "num_key_value_heads") * head
    return {
        "q_proj": (hidden, queries),
        "k_proj": (hidden, keys),
        "v_proj": (hidden, keys),
        "o_proj": (queries, hidden),
        "gate_proj": (hidden, inner),
        "up_proj": (hidden, inner),
        "down_proj": (inner, hidden),
    }


def _number(model: Mapping[str, Any], key: str) -> int:
    found = model.get(key)
    if not isinstance(found, int):
        raise FoundError("ConfigMismatch", f"the model's config.json has {key} = {found}, wanted a number.")
    return found
