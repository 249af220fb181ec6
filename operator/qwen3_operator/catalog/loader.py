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
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from qwen3_operator.api.deployment import Quantization
    from qwen3_operator.catalog.models import Model
    from qwen3_operator.catalog.rows import AnyRow
    from qwen3_runtime.config import Engine as EngineName

MODELS = "models.yaml"
QUANTIZATIONS = "quantizations.yaml"
ACCELERATORS = "accelerators.yaml"
ENGINES = "engines.yaml"
PERFORMANCE = "performance.yaml"
TAINTS = "taints.yaml"
FILES = (MODELS, QUANTIZATIONS, ACCELERATORS, ENGINES, PERFORMANCE, TAINTS)
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
    """The version of SGLang that the runtime images hold."""
    engines: Mapping[tuple[str, str], Engine]
    """All engine versions, by name and version."""
    performance: PerformanceConstants
    tolerated_taints: frozenset[str]

    def newest(self, name: EngineName) -> Engine:
        """The version of an engine that is planned with: the first of its rows.

        Raises:
            LookupError: the catalog has no row of that engine.
        """
        for engine in self.engines.values():
            if engine.name is name:
                return engine
        raise LookupError(f"the catalog has no engine {name}")


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
    return catalog_from(digest_of(texts), {file: raw_rows(file, texts[file]) for file in FILES}, texts)


def catalog_from(version: str, raw: Mapping[str, Sequence[Any]], configs: Mapping[str, str]) -> Catalog:
    """The catalog of these rows by file; ``configs`` holds the models' config files.

    Raises:
        CatalogError: a row with a wrong field, a name that occurs twice.
    """
    formats = _unique(QUANTIZATIONS, _rows(raw, QUANTIZATIONS, QuantizationFormat), lambda row: row.name)
    engines = _rows(raw, ENGINES, Engine)
    return Catalog(
        version=version,
        models=_unique(MODELS, _models(raw, configs, formats), lambda row: row.name),
        quantizations=formats,
        accelerators=_unique(ACCELERATORS, _rows(raw, ACCELERATORS, Accelerator), lambda row: row.name),
        engine=engines[0],
        engines=_unique(ENGINES, engines, lambda row: (row.name, row.version)),
        performance=_performance(raw),
        tolerated_taints=frozenset(taint.key for taint in _rows(raw, TAINTS, Taint)),
    )


def digest_of(texts: Mapping[str, str]) -> str:
    """Digest of names and contents, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        digest.update(f"{name}\0{texts[name]}\0".encode())
    return digest.hexdigest()[:12]


def _text(folder: Traversable, name: str) -> str:
    try:
        return folder.joinpath(name).read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError(CatalogProblem(name, "", "", str(error))) from error


def _rows(raw: Mapping[str, Sequence[Any]], file: str, kind: type[AnyRow]) -> list[AnyRow]:
    return [checked(file, label(number, row), row, kind) for number, row in enumerate(raw[file], start=1)]


def _models(
    raw: Mapping[str, Sequence[Any]], configs: Mapping[str, str], formats: Mapping[Quantization, QuantizationFormat]
) -> list[Model]:
    return [model(MODELS, label(number, row), row, configs, formats) for number, row in enumerate(raw[MODELS], start=1)]


def _performance(raw: Mapping[str, Sequence[Any]]) -> PerformanceConstants:
    rows = _rows(raw, PERFORMANCE, PerformanceConstant)
    try:
        return performance_constants(rows)
    except ValueError as error:
        raise CatalogError(CatalogProblem(PERFORMANCE, "", "", str(error))) from error


def _unique(file: str, rows: list[_Value], key: Callable[[_Value], _Key]) -> Mapping[_Key, _Value]:
    found: dict[_Key, _Value] = {}
    for row in rows:
        name = key(row)
        if name in found:
            raise CatalogError(CatalogProblem(file, "", "", f"{name} occurs twice"))
        found[name] = row
    return found
