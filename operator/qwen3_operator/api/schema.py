"""Pydantic's JSON schema turned into the structural OpenAPI v3 schema that the API server accepts.

The API server takes no ``$ref``, no ``title``, no ``anyOf`` with ``null``, no ``const`` and no numeric
``exclusiveMinimum``; each is rewritten here to what it does take. Optional fields become absent, never null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen3_operator.api.base import ApiModel

Schema = dict[str, Any]

_FIRST = ("description", "type", "format")
_DROPPED = frozenset({"title", "$defs", "default", "const", "anyOf", "$ref", "additionalProperties"})


def structural(model: type[ApiModel], *, defaults: bool) -> Schema:
    """Structural schema of ``model``. ``defaults`` also writes them into stored objects (``spec`` only).

    Raises:
        ValueError: a type that has no structural form, e.g. a union of two types.
    """
    raw = model.model_json_schema(by_alias=True)
    return _convert(raw, raw.get("$defs", {}), defaults=defaults)


def _convert(node: Schema, definitions: dict[str, Schema], *, defaults: bool) -> Schema:
    node = _inlined(node, definitions)
    result = {key: value for key, value in node.items() if key not in _DROPPED}
    result |= _children(node, definitions, defaults=defaults)
    if "const" in node:
        result["enum"] = [node["const"]]
    for bound in ("Minimum", "Maximum"):
        if (limit := result.pop(f"exclusive{bound}", None)) is not None:
            result |= {bound.lower(): limit, f"exclusive{bound}": True}
    if node.get("type") == "integer":
        result["format"] = "int64"
    if defaults and (default := _default(node, result)) is not None:
        result["default"] = default
    if "type" not in result:
        raise ValueError(f"no structural form for {node}")
    if "description" in result:
        result["description"] = " ".join(result["description"].split())
    return {key: result[key] for key in _FIRST if key in result} | result


def _children(node: Schema, definitions: dict[str, Schema], *, defaults: bool) -> Schema:
    """Items of a list, values of a map, fields of an object."""
    result = {
        key: _convert(node[key], definitions, defaults=defaults)
        for key in ("items", "additionalProperties")
        if isinstance(node.get(key), dict)
    }
    if "properties" in node:
        fields = node["properties"].items()
        result["properties"] = {name: _convert(child, definitions, defaults=defaults) for name, child in fields}
    return result


def _inlined(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """The node itself: references followed, ``X | None`` reduced to X; words at the place win over the type's."""
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return _inlined(target | {key: value for key, value in node.items() if key != "$ref"}, definitions)
    if "anyOf" in node:
        variants = [variant for variant in node["anyOf"] if variant.get("type") != "null"]
        if len(variants) != 1:
            raise ValueError(f"a union has no structural form: {node['anyOf']}")
        around = {key: value for key, value in node.items() if key != "anyOf"}
        return _inlined(variants[0] | around, definitions)
    return node


def _default(node: Schema, result: Schema) -> Any:
    """Scalar defaults as they are; an object gets ``{}`` where something inside it has a default; lists none."""
    default = node.get("default")
    if isinstance(default, dict):
        return {} if any("default" in child for child in result.get("properties", {}).values()) else None
    return None if isinstance(default, list) else default
