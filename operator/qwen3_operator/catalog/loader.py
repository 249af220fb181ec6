"""Reads the catalog's data files. A bad row is named by file, row and field."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import ValidationError
from typing_extensions import override

from qwen3_operator.catalog.accelerators import Accelerator, Taint
from qwen3_operator.catalog.checkpoints import QuantizationFormat
from qwen3_operator.catalog.engines import Engine
from qwen3_operator.catalog.models import Model
from qwen3_operator.catalog.performance import PerformanceConstant, PerformanceConstants, performance_constants

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from importlib.resources.abc import Traversable

    from qwen3_operator.api.deployment import Quantization
    from qwen3_operator.catalog.base import Row

AnyRow = TypeVar("AnyRow", bound="Row")
FILES = ("models", "quantizations", "accelerators", "engines", "taints", "performance")


class CatalogError(ValueError):
    """A data file that cannot be read; the text names file, row and field."""


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that occurs twice, where YAML would silently keep the last."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


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
    tolerated_taints: frozenset[str]
    performance: PerformanceConstants
    """Constants of the performance model."""


def load_catalog(folder: Traversable | None = None) -> Catalog:
    """The catalog in ``folder``, by default the one that ships with the package.

    Raises:
        CatalogError: a missing file, a row with a wrong field, a name that occurs twice.
    """
    where = folder or resources.files(__package__).joinpath("data")
    texts = {name: _text(where, name) for name in FILES}
    models = _rows(texts, "models", Model)
    formats = _rows(texts, "quantizations", QuantizationFormat)
    accelerators = _rows(texts, "accelerators", Accelerator)
    engines = _rows(texts, "engines", Engine)
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()
    return Catalog(
        version=digest[:12],
        models=_unique("models", [(model.name, model) for model in models]),
        quantizations=_unique("quantizations", [(found.name, found) for found in formats]),
        accelerators=_unique("accelerators", [(found.name, found) for found in accelerators]),
        engine=engines[0],
        engines=_unique("engines", [((found.name, found.version), found) for found in engines]),
        tolerated_taints=frozenset(taint.key for taint in _rows(texts, "taints", Taint)),
        performance=performance_constants(_rows(texts, "performance", PerformanceConstant)),
    )


def _text(folder: Traversable, name: str) -> str:
    try:
        return folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    except OSError as error:
        raise CatalogError(f"{name}.yaml: {error}") from error


def _rows(texts: Mapping[str, str], name: str, row: type[AnyRow]) -> list[AnyRow]:
    try:
        document = yaml.load(texts[name], _StrictLoader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        raise CatalogError(f"{name}.yaml: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get(name), list) or not document[name]:
        raise CatalogError(f"{name}.yaml: expected a list under {name!r}")
    return [_row(name, number, raw, row) for number, raw in enumerate(document[name], start=1)]


def _row(name: str, number: int, raw: Any, row: type[AnyRow]) -> AnyRow:
    try:
        return row.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        label = raw.get("name") or raw.get("key") if isinstance(raw, dict) else None
        field = ".".join(str(part) for part in first["loc"])
        raise CatalogError(f"{name}.yaml, row {number} ({label}), field {field}: {first['msg']}") from error


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _unique(name: str, rows: list[tuple[_Key, _Value]]) -> Mapping[_Key, _Value]:
    found: dict[_Key, _Value] = {}
    for key, value in rows:
        if key in found:
            raise CatalogError(f"{name}.yaml: {key} occurs twice")
        found[key] = value
    return found
