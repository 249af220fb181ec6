"""Text and YAML from files and standard input, with errors that name the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from typing_extensions import override

from qwen3_operator.cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Hashable

STANDARD_INPUT = "-"


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that occurs twice, as kubectl does; YAML would silently keep the last."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} occurs twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def shown(name: str) -> str:
    """How messages call a file."""
    return "standard input" if name == STANDARD_INPUT else name


def read_text(name: str) -> str:
    """Text of a file; ``-`` is standard input.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{shown(name)} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{shown(name)} is not UTF-8 text") from error


def read_documents(name: str) -> list[Any]:
    """The YAML (or JSON) documents of a file, empty ones left out; items of a ``List`` count one by one.

    Raises:
        InputError: the file cannot be read or is not YAML; the text has line and column.
    """
    try:
        documents = list(yaml.load_all(read_text(name), _StrictLoader))
    except yaml.YAMLError as error:
        raise InputError(f"{shown(name)} is not YAML: {_where(error)}") from error
    return [item for document in documents if document is not None for item in _items(document)]


def _items(document: Any) -> list[Any]:
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
        items = document.get("items")
        return items if isinstance(items, list) else []
    return [document]


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return str(error)
