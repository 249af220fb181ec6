"""The catalog from the texts of its data files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

from qwen3_operator.catalog.accelerators import Accelerator, Taint
from qwen3_operator.catalog.checkpoints import QuantizationFormat
from qwen3_operator.catalog.engines import Engine
from qwen3_operator.catalog.performance import PerformanceConstant, PerformanceConstants, performance_constants
from qwen3_operator.catalog.rows import CatalogError, CatalogProblem, checked, label, model, raw_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from importlib.resources.abc import Traversable

    from qwen3_operator.api.deployment import Quantization
    from qwen3_operator.catalog.models import Model
    from qwen3_operator.catalog.rows import AnyRow

FILES = (
    "models.yaml",
    "quantizations.yaml",
    "accelerators.yaml",
    "engines.yaml",
    "performance.yaml",
    "taints.yaml",
)
CONFIGS = "configs"
"""Folder of the models' config.json files."""

_Key = TypeVar("_Key", bound="Hashable")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Catalog:
    """Everything that the planner knows beside the cluster. Keys are the names that users write."""

    version: str
    models: Mapping[str, Model]
    quantizations: Mapping[Quantization, QuantizationFormat]
    accelerators: Mapping[str, Accelerator]
    engine: Engine
    """The engine version that the runtime images hold."""
    engines: Mapping[tuple[str, str], Engine]
    """All engine versions, by name and version."""
    performance: PerformanceConstants
    tolerated_taints: frozenset[str]


def load_catalog(folder: Traversable | None = None) -> Catalog:
    """The catalog in ``folder``, by default the one that ships with the package.

    Raises:
        CatalogError: a missing file, a row with a wrong field, a name that occurs twice.
    """
    return catalog_of(catalog_texts(folder))


def catalog_texts(folder: Traversable | None = None) -> Mapping[str, str]:
    """Texts of the data files and of the models' config files, by file name.

    Raises:
        CatalogError: a missing file.
    """
    where = folder or resources.files(__package__).joinpath("data")
    texts = {name: _text(where, name) for name in FILES}
    try:
        found = sorted(where.joinpath(CONFIGS).iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise CatalogError(CatalogProblem(CONFIGS, "", "", str(error))) from error
    return texts | {path.name: path.read_text(encoding="utf-8") for path in found if path.name.endswith(".json")}


def catalog_of(texts: Mapping[str, str]) -> Catalog:
    """The catalog that these texts hold.

    Raises:
        CatalogError: a row with a wrong field, a name that occurs twice.
    """
    formats = _unique(
        "quantizations.yaml", _rows(texts, "quantizations.yaml", QuantizationFormat), lambda row: row.name
    )
    engines = _rows(texts, "engines.yaml", Engine)
    return Catalog(
        version=_version(texts),
        models=_unique("models.yaml", _models(texts, formats), lambda row: row.name),
        quantizations=formats,
        accelerators=_unique("accelerators.yaml", _rows(texts, "accelerators.yaml", Accelerator), lambda row: row.name),
        engine=engines[0],
        engines=_unique("engines.yaml", engines, lambda row: (row.name, row.version)),
        performance=_performance(texts),
        tolerated_taints=frozenset(taint.key for taint in _rows(texts, "taints.yaml", Taint)),
    )


def _version(texts: Mapping[str, str]) -> str:
    """Digest of names and contents, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        digest.update(f"{name}\0{texts[name]}\0".encode())
    return digest.hexdigest()[:12]


def _text(folder: Traversable, name: str) -> str:
    try:
        return folder.joinpath(name).read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError(CatalogProblem(name, "", "", str(error))) from error


def _rows(texts: Mapping[str, str], file: str, kind: type[AnyRow]) -> list[AnyRow]:
    return [checked(file, label(number, raw), raw, kind) for number, raw in _numbered(texts, file)]


def _models(texts: Mapping[str, str], formats: Mapping[Quantization, QuantizationFormat]) -> list[Model]:
    file = "models.yaml"
    return [model(file, label(number, raw), raw, texts, formats) for number, raw in _numbered(texts, file)]


def _numbered(texts: Mapping[str, str], file: str) -> list[tuple[int, Any]]:
    return list(enumerate(raw_rows(file, texts[file]), start=1))


def _performance(texts: Mapping[str, str]) -> PerformanceConstants:
    file = "performance.yaml"
    try:
        return performance_constants(_rows(texts, file, PerformanceConstant))
    except CatalogError:
        raise
    except ValueError as error:
        raise CatalogError(CatalogProblem(file, "", "", str(error))) from error


def _unique(file: str, rows: list[_Value], key: Callable[[_Value], _Key]) -> Mapping[_Key, _Value]:
    found: dict[_Key, _Value] = {}
    for row in rows:
        name = key(row)
        if name in found:
            raise CatalogError(CatalogProblem(file, "", "", f"{name} occurs twice"))
        found[name] = row
    return found
