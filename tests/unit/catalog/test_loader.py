from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.catalog import CPU, CatalogError, load_catalog
from qwen3_operator.catalog.loader import FILES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped data files."""
    for name in FILES:
        source = resources.files("qwen3_operator.catalog").joinpath("data", f"{name}.yaml")
        (tmp_path / f"{name}.yaml").write_text(source.read_text(encoding="utf-8"))
    return tmp_path


def _replace(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_version_follows_the_content(folder: Path) -> None:
    before = load_catalog(folder).version
    assert before == load_catalog().version
    _replace(folder, "models", "layers: 28", "layers: 29")
    assert load_catalog(folder).version != before


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("models", "layers: 28", "layers: none", ["models.yaml", "row 1", "Qwen3-0.6B", "layers"]),
        ("models", "layers: 28", "layer: 28", ["models.yaml", "row 1", "Qwen3-0.6B", "layer"]),
        ("models", "quantization: FP8", "quantization: FP7", ["Qwen3-0.6B", "checkpoints.1.quantization"]),
        ("models", "name: Qwen3-1.7B", "name: Qwen3-0.6B", ["models.yaml", "Qwen3-0.6B", "twice"]),
        ("models", "layers: 28", "layers: 28\n    layers: 29", ["models.yaml", "'layers' occurs twice", "line"]),
        ("accelerators", "memoryMiB: 81559", "memoryMiB: -1", ["accelerators.yaml", "H100-SXM", "memoryMiB"]),
        ("taints", "taints:", "taint:", ["taints.yaml", "expected a list"]),
        ("engines", "engines:", "engines: {", ["engines.yaml"]),
    ],
)
def test_a_bad_row_is_named(folder: Path, name: str, old: str, new: str, words: list[str]) -> None:
    _replace(folder, name, old, new)
    with pytest.raises(CatalogError) as error:
        load_catalog(folder)
    for word in words:
        assert word in str(error.value)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "engines.yaml").unlink()
    with pytest.raises(CatalogError, match=r"engines\.yaml"):
        load_catalog(folder)


def test_every_row_has_its_source() -> None:
    catalog = load_catalog()
    sources = [accelerator.source for accelerator in catalog.accelerators.values()]
    sources += [form.source for form in catalog.quantizations.values()]
    sources += [cost.source for cost in catalog.engine.devices] + [catalog.engine.reserve.source]
    sources += [checkpoint.source for model in catalog.models.values() for checkpoint in model.checkpoints]
    assert all(sources)


def test_nodes_are_told_apart() -> None:
    marks = [mark for accelerator in load_catalog().accelerators.values() for mark in accelerator.nodes]
    assert len({(mark.resource, tuple(sorted(mark.labels.items()))) for mark in marks}) == len(marks)
    assert len({mark.pool for mark in marks}) == len(marks)
    assert load_catalog().accelerators[CPU].device == "cpu"


def test_every_kind_of_device_has_its_costs() -> None:
    catalog = load_catalog()
    for accelerator in catalog.accelerators.values():
        assert catalog.engine.cost(accelerator.device).device == accelerator.device
