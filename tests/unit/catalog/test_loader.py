from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.catalog import CPU, CatalogError, load_catalog
from qwen3_operator.catalog.loader import CONFIGS, FILES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped data files."""
    data = resources.files("qwen3_operator.catalog").joinpath("data")
    for name in FILES:
        (tmp_path / name).write_text(data.joinpath(name).read_text(encoding="utf-8"))
    (tmp_path / CONFIGS).mkdir()
    for path in data.joinpath(CONFIGS).iterdir():
        (tmp_path / CONFIGS / path.name).write_text(path.read_text(encoding="utf-8"))
    return tmp_path


def _replace(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("models.yaml", "quality: 279", "quality: 280"),
        ("configs/Qwen3-0.6B.json", '"num_hidden_layers": 28', '"num_hidden_layers": 29'),
    ],
)
def test_version_follows_the_content(folder: Path, name: str, old: str, new: str) -> None:
    before = load_catalog(folder).version
    assert before == load_catalog().version
    _replace(folder, name, old, new)
    assert load_catalog(folder).version != before


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("models.yaml", "nativeContext: 32768", "nativeContext: long", ["row 1 (Qwen3-0.6B), field nativeContext"]),
        ("models.yaml", "nativeContext: 32768", "nativContext: 1", ["row 1 (Qwen3-0.6B)", "ativ"]),
        ("models.yaml", "quantization: FP8", "quantization: FP7", ["Qwen3-0.6B", "checkpoints.1.quantization"]),
        ("models.yaml", "name: Qwen3-1.7B", "name: Qwen3-0.6B", ["models.yaml", "Qwen3-0.6B occurs twice"]),
        (
            "models.yaml",
            "quality: 279",
            "quality: 279\n    quality: 11",
            ["models.yaml", "'quality' occurs twice", "line"],
        ),
        ("models.yaml", "Qwen3-0.6B.json", "Qwen3-0.5B.json", ["row 1", "field config", "no file Qwen3-0.5B.json"]),
        ("models.yaml", "        bytes: 11270000000\n", "", ["Qwen3-8B", "checkpoints", "bytes are needed"]),
        ("configs/Qwen3-8B.json", "num_hidden_layers", "num_layers", ["Qwen3-8B", "config", "num_hidden_layers"]),
        ("configs/Qwen3-8B.json", "{", "", ["Qwen3-8B", "config", "no JSON"]),
        ("accelerators.yaml", "memoryMiB: 81559", "memoryMiB: -1", ["accelerators.yaml", "H100-SXM", "memoryMiB"]),
        ("accelerators.yaml", "BF16: 989", "BF32: 989", ["accelerators.yaml", "H100-SXM", "tflops.BF32"]),
        ("quantizations.yaml", "name: GPTQ-INT8", "name: FP8", ["quantizations.yaml", "FP8 occurs twice"]),
        ("performance.yaml", "value:", "valu:", ["performance.yaml", "row 1"]),
        ("taints.yaml", "taints:", "taint:", ["taints.yaml", "expected a list"]),
        ("engines.yaml", "engines:", "engines: {", ["engines.yaml"]),
    ],
)
def test_a_bad_row_is_named(folder: Path, name: str, old: str, new: str, words: list[str]) -> None:
    _replace(folder, name, old, new)
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CatalogError, match=name):
        load_catalog(folder)


def test_every_row_has_its_source() -> None:
    catalog = load_catalog()
    sources = [accelerator.source for accelerator in catalog.accelerators.values()]
    sources += [form.source for form in catalog.quantizations.values()]
    for engine in catalog.engines.values():
        sources += [engine.source, *(cost.source for cost in engine.devices)]
        sources += [engine.reserve.source] if engine.reserve else []
    for model in catalog.models.values():
        sources += [checkpoint.source for checkpoint in model.checkpoints]
        sources += [model.known_total.source] if model.known_total else []
        sources += [model.quality_source] if model.quality is not None else []
    assert all(sources)


def test_nodes_are_told_apart() -> None:
    marks = [mark for accelerator in load_catalog().accelerators.values() for mark in accelerator.nodes]
    assert len({(mark.resource, tuple(sorted(mark.labels.items()))) for mark in marks}) == len(marks)
    assert len({mark.pool for mark in marks}) == len(marks)
    assert load_catalog().accelerators[CPU].device == "cpu"


def test_every_kind_of_device_has_its_costs() -> None:
    catalog = load_catalog()
    for accelerator in catalog.accelerators.values():
        if accelerator.not_served:
            continue
        assert catalog.engine.cost(accelerator.device).device == accelerator.device
