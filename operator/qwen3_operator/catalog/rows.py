"""From the text of a data file to typed rows. A bad row is named by file, row and field."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import ValidationError
from typing_extensions import override

from qwen3_operator.catalog.config import shape
from qwen3_operator.catalog.models import Model, ModelRow
from qwen3_operator.catalog.weights import with_size

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from qwen3_operator.api.deployment import Quantization
    from qwen3_operator.catalog.base import Row
    from qwen3_operator.catalog.checkpoints import QuantizationFormat

AnyRow = TypeVar("AnyRow", bound="Row")


@dataclass(frozen=True, slots=True)
class CatalogProblem:
    """What is wrong with a row of a data file, or with the file."""

    file: str
    row: str
    """Number and name; empty where the whole file cannot be read."""
    field: str
    message: str

    @override
    def __str__(self) -> str:
        """``models.yaml, row 3 (Qwen3-4B), field layers: Input should be ...``."""
        where = [self.file]
        where += [f"row {self.row}"] if self.row else []
        where += [f"field {self.field}"] if self.field else []
        return f"{', '.join(where)}: {self.message}"


class CatalogError(ValueError):
    """A data file that cannot be read; the text names file, row and field."""

    def __init__(self, problem: CatalogProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _StrictLoader(yaml.CSafeLoader):
    """Refuses a key that occurs twice, where YAML would silently keep the last."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def raw_rows(file: str, text: str) -> list[Any]:
    """The list that a file ``name.yaml`` holds under ``name``.

    Raises:
        CatalogError: no YAML, or no list there.
    """
    name = file.removesuffix(".yaml")
    try:
        document = yaml.load(text, _StrictLoader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        raise CatalogError(CatalogProblem(file, "", "", str(error))) from error
    if not isinstance(document, dict) or not isinstance(document.get(name), list) or not document[name]:
        raise CatalogError(CatalogProblem(file, "", "", f"expected a list under {name!r}"))
    return list(document[name])


def label(number: int, raw: Any) -> str:
    """How a row is called in messages: ``3 (Qwen3-4B)``."""
    name = (raw.get("name") or raw.get("key")) if isinstance(raw, dict) else None
    return f"{number} ({name})"


def checked(file: str, row: str, raw: Any, kind: type[AnyRow]) -> AnyRow:
    """A row as its type.

    Raises:
        CatalogError: the first field that is wrong.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise CatalogError(_first(file, row, error)) from error


def model(
    file: str,
    row: str,
    raw: Any,
    configs: Mapping[str, str],
    formats: Mapping[Quantization, QuantizationFormat],
) -> Model:
    """A row of models.yaml with the shape of its config file, and with sizes of all checkpoints.

    Raises:
        CatalogError: a field, a key of the config file or a size that is wrong.
    """
    facts = checked(file, row, raw, ModelRow)
    found = read_shape(file, row, facts.config, configs)
    given = facts.model_dump(exclude={"config", "checkpoints", "source"}, exclude_none=True)
    try:
        bare = Model.model_validate({**found, **given, "checkpoints": ()})
        sized = tuple(with_size(checkpoint, bare, formats) for checkpoint in facts.checkpoints)
    except ValidationError as error:
        raise CatalogError(_first(file, row, error)) from error
    except ValueError as error:
        raise CatalogError(CatalogProblem(file, row, "checkpoints", str(error))) from error
    return bare.model_copy(update={"checkpoints": sized})


def read_shape(file: str, row: str, config: str, configs: Mapping[str, str]) -> dict[str, Any]:
    """Fields of ``Architecture`` by the config file of that name.

    Raises:
        CatalogError: no such file, no JSON object, or a key that is missing or wrong.
    """
    if config not in configs:
        raise CatalogError(CatalogProblem(file, row, "config", f"there is no file {config}"))
    try:
        content = json.loads(configs[config])
        if not isinstance(content, dict):
            raise CatalogError(CatalogProblem(file, row, "config", f"{config} holds no JSON object"))
        return shape(content)
    except ValidationError as error:
        first = _first(config, "", error)
        raise CatalogError(CatalogProblem(file, row, "config", str(first))) from error
    except ValueError as error:
        if isinstance(error, CatalogError):
            raise
        raise CatalogError(CatalogProblem(file, row, "config", f"{config} is no JSON: {error}")) from error


def _first(file: str, row: str, error: ValidationError) -> CatalogProblem:
    first = error.errors()[0]
    return CatalogProblem(file, row, ".".join(str(part) for part in first["loc"]), first["msg"])
