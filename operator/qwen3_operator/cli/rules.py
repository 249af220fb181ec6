"""The CEL rules of the schema, judged here with the words that the API server would refuse with."""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import cel
from cel.stdlib import add_stdlib_to_context

from qwen3_operator.api.deployment import Qwen3Deployment
from qwen3_operator.api.schema import structural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qwen3_operator.api.base import ApiModel

logging.getLogger("cel").setLevel(logging.ERROR)  # it warns of what is caught here


def broken_rules(manifest: Mapping[str, Any], root: type[ApiModel] = Qwen3Deployment) -> list[str]:
    """Messages of the rules that an object breaks; those that its mistakes keep from being judged are left out.

    Args:
        manifest: ``metadata`` and ``spec``.
        root: The type of the object.
    """
    whole = json.loads(json.dumps(manifest, default=str))  # YAML has dates, the API server does not
    return list(dict.fromkeys(_broken(_defaulted(whole, _schema(root)), _schema(root))))


@cache
def _schema(root: type[ApiModel]) -> dict[str, Any]:
    return structural(root, defaults=True)


def _defaulted(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value with the schema's defaults: rules are judged after them."""
    if isinstance(value, list) and "items" in schema:
        return [_defaulted(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    children: Mapping[str, Any] = schema.get("properties", {})
    missing = {name: child["default"] for name, child in children.items() if name not in value and "default" in child}
    whole = missing | value
    return {name: _defaulted(item, children.get(name, {})) for name, item in whole.items()}


def _broken(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """Rules of a node, then those below it."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if not _holds(rule["rule"], value):
            yield rule["message"]
    for name, child in schema.get("properties", {}).items():
        if isinstance(value, dict) and name in value:
            yield from _broken(value[name], child)
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _broken(item, schema["items"])


def _holds(rule: str, value: Any) -> bool:
    context = cel.Context(variables={"self": value})
    add_stdlib_to_context(context)  # split and replace, which the API server has too
    try:
        return bool(cel.evaluate(rule, context))
    except (LookupError, TypeError, RuntimeError):  # a field that is missing or has the wrong type: said elsewhere
        return True
