"""Values that many tests of the runtime start from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from qwen3_runtime.config import Device, Limits, ModelFiles, RuntimeConfig

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

Configure = Callable[..., RuntimeConfig]

TINY = {"architectures": ["Qwen3ForCausalLM"], "hidden_size": 128, "num_hidden_layers": 2}


def make_config(**changes: Any) -> RuntimeConfig:
    values: dict[str, Any] = {
        "served_model_name": "qwen3-tiny",
        "model": ModelFiles(path="/model", expected_config={"hidden_size": 128}),
        "engine": "SGLang",
        "device": Device.CPU,
        "quantization": "BF16",
        "limits": Limits(context_length=4096),
        "native_context_length": 40960,
    }
    return RuntimeConfig(**(values | changes))


@pytest.fixture
def configure() -> Configure:
    return make_config


def write_safetensors(path: Path, sizes: dict[str, int]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, size in sizes.items():
        header[name] = {"dtype": "U8", "shape": [size], "data_offsets": [offset, offset + size]}
        offset += size
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + bytes(offset))


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A complete folder of two shards with an index."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(TINY))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text('{"chat_template": ""}')
    write_safetensors(folder / "one.safetensors", {"a": 10, "b": 20})
    write_safetensors(folder / "two.safetensors", {"c": 5})
    index = {"weight_map": {"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the runtime runs on: its transports differ from the standard library's."""
    return {"uvloop": uvloop.new_event_loop}
