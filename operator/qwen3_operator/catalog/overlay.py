"""Rows that an administrator adds to the shipped catalog or puts in place of its rows. Pure: texts in, catalog out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.catalog.accelerators import Accelerator, Taint
from qwen3_operator.catalog.checkpoints import QuantizationFormat
from qwen3_operator.catalog.engines import Engine
from qwen3_operator.catalog.loader import (
    ACCELERATORS,
    ENGINES,
    FILES,
    MODELS,
    PERFORMANCE,
    QUANTIZATIONS,
    TAINTS,
    catalog_from,
    digest_of,
)
from qwen3_operator.catalog.performance import PerformanceConstant
from qwen3_operator.catalog.rows import CatalogError, CatalogProblem, checked, label, model, raw_rows, read_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.deployment import Quantization
    from qwen3_operator.catalog.base import Row
    from qwen3_operator.catalog.loader import Catalog

Key = tuple[str, ...]
Table = dict[Key, Any]
"""Raw rows of one file by their key."""

KEYS: Mapping[str, Key] = {
    MODELS: ("name",),
    QUANTIZATIONS: ("name",),
    ACCELERATORS: ("name",),
    ENGINES: ("name", "version"),
    PERFORMANCE: ("name", "family", "accelerator"),
    TAINTS: ("key",),
}
"""Fields that tell the rows of a file apart."""
KINDS: Mapping[str, type[Row]] = {
    QUANTIZATIONS: QuantizationFormat,
    ACCELERATORS: Accelerator,
    ENGINES: Engine,
    PERFORMANCE: PerformanceConstant,
    TAINTS: Taint,
}
CONFIG_SUFFIX = ".json"


def overlaid(texts: Mapping[str, str], documents: Mapping[str, str]) -> tuple[Catalog, tuple[CatalogProblem, ...]]:
    """The shipped catalog with the rows of ``documents`` added, or put over the rows that have the same key.

    A row need not repeat what it leaves as it is: its fields replace those of the shipped row, each as a whole. A row
    that is not right is left out and told of; everything else holds. The version covers all documents.

    Args:
        texts: of the shipped catalog, as ``catalog_texts`` gives them.
        documents: by name: files such as ``models.yaml`` with the rows that differ, and config files of models.
    """
    problems: list[CatalogProblem] = []
    tables = {file: {_key(file, raw): raw for raw in raw_rows(file, texts[file])} for file in FILES}
    configs = dict(texts)
    for name in sorted(documents, key=_order):
        if name.endswith(CONFIG_SUFFIX):
            problems += _add_config(name, documents[name], tables, configs)
        elif name in FILES:
            problems += _add_rows(name, documents[name], tables, configs)
        else:
            known = f"known are {', '.join(FILES)} and config files of models, NAME{CONFIG_SUFFIX}"
            problems.append(CatalogProblem(name, "", "", f"is no file of the catalog: {known}"))
    version = digest_of({**texts, **{f"overlay/{name}": text for name, text in documents.items()}})
    rows = {file: list(table.values()) for file, table in tables.items()}
    return catalog_from(version, rows, configs), tuple(problems)


def _order(name: str) -> tuple[int, str]:
    """Config files and formats come before the models that need them."""
    return (0 if name.endswith(CONFIG_SUFFIX) else 1 if name == QUANTIZATIONS else 2, name)


def _key(file: str, raw: Any) -> Key:
    return tuple(str(raw.get(field, "")) for field in KEYS[file]) if isinstance(raw, dict) else ()


def _add_config(name: str, text: str, tables: Mapping[str, Table], configs: dict[str, str]) -> list[CatalogProblem]:
    """Take a config file, where it has all that a shape needs and the models that use it are still right."""
    changed = {**configs, name: text}
    try:
        read_shape(name, "", name, changed)
        _check_models(tables, changed, using=name)
    except CatalogError as error:
        return [CatalogProblem(name, "", "", error.problem.message)]
    configs[name] = text
    return []


def _add_rows(file: str, text: str, tables: dict[str, Table], configs: Mapping[str, str]) -> list[CatalogProblem]:
    try:
        rows = raw_rows(file, text)
    except CatalogError as error:
        return [error.problem]
    problems: list[CatalogProblem] = []
    seen: set[Key] = set()
    for number, raw in enumerate(rows, start=1):
        row, key = label(number, raw), _key(file, raw)
        if key in seen:
            problems.append(CatalogProblem(file, row, "", "occurs twice"))
            continue
        seen.add(key)
        merged = {**tables[file].get(key, {}), **raw} if isinstance(raw, dict) else raw
        changed = {**tables, file: {**tables[file], key: merged}}
        try:
            _check(file, row, merged, changed, configs)
        except CatalogError as error:
            problems.append(error.problem)
        else:
            tables[file] = changed[file]
    return problems


def _check(file: str, row: str, raw: Any, tables: Mapping[str, Table], configs: Mapping[str, str]) -> None:
    """Raise CatalogError where the row, or what depends on it, is not right. ``tables`` hold the row already."""
    if file == MODELS:
        model(file, row, raw, configs, _formats(tables))
        return
    checked(file, row, raw, KINDS[file])
    if file == QUANTIZATIONS:
        try:
            _check_models(tables, configs)
        except CatalogError as error:
            raise CatalogError(CatalogProblem(file, row, "", str(error.problem))) from error
    if file == ACCELERATORS:
        _check_pools(row, raw, tables)


def _check_models(tables: Mapping[str, Table], configs: Mapping[str, str], using: str = "") -> None:
    """Whether the models, or those ``using`` one config file, still are right."""
    formats = _formats(tables)
    for raw in tables[MODELS].values():
        if using in {"", raw["config"]}:
            model(MODELS, raw["name"], raw, configs, formats)


def _check_pools(row: str, raw: Any, tables: Mapping[str, Table]) -> None:
    """Nodes are told apart by pool names: no two accelerators may share one."""
    others = (other for other in tables[ACCELERATORS].values() if other["name"] != raw["name"])
    taken = {mark["pool"]: other["name"] for other in others for mark in other["nodes"]}
    for mark in raw["nodes"]:
        if mark["pool"] in taken:
            message = f"pool {mark['pool']} is taken by {taken[mark['pool']]}"
            raise CatalogError(CatalogProblem(ACCELERATORS, row, "nodes", message))


def _formats(tables: Mapping[str, Table]) -> Mapping[Quantization, QuantizationFormat]:
    formats = (checked(QUANTIZATIONS, "", raw, QuantizationFormat) for raw in tables[QUANTIZATIONS].values())
    return {form.name: form for form in formats}
