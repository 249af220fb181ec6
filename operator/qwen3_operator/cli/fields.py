"""A spec checked as the API server checks it: unknown fields are errors here, named with the nearest known one."""

from __future__ import annotations

import difflib
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.schema import structural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

_MODAL = re.compile("^(Input|String|Tuple|List) should ")
"""How pydantic begins."""
_NUMBERS = (int, float)
_DURATIONS = frozenset({"timeToFirstToken", "timePerOutputToken"})


def checked_spec(raw: Any) -> DeploymentSpec | list[str]:
    """The spec, or one sentence per mistake: field, value, and what would be right."""
    if not isinstance(raw, dict):
        return [f"spec is {_value(raw)}: it must be a map of fields"]
    problems = list(_unknown(raw, _schema(), "spec"))
    try:
        # JSON mode is as strict about types as the API server, and still takes lists and words
        spec = DeploymentSpec.model_validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        return problems + [_sentence(detail) for detail in error.errors()]
    return problems or spec


@cache
def _schema() -> dict[str, Any]:
    return structural(DeploymentSpec, defaults=False)


def _unknown(raw: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Fields of ``raw`` that the schema does not have, depth first."""
    if isinstance(raw, list) and "items" in schema:
        for number, item in enumerate(raw):
            yield from _unknown(item, schema["items"], f"{path}[{number}]")
    known = schema.get("properties")
    if not isinstance(raw, dict) or known is None:
        return
    for name, value in raw.items():
        if name in known:
            yield from _unknown(value, known[name], f"{path}.{name}")
        else:
            yield f"{path}.{name} is not a field: {_nearest(str(name), known)}"


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    by_lower = {field.lower(): field for field in known}
    if close := difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6):
        return f"did you mean {by_lower[close[0]]}?"
    return f"it takes {', '.join(sorted(known))}"


def _sentence(detail: ErrorDetails) -> str:
    path = "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{path} is missing: it is required"
    if detail["type"] == "string_type" and type(detail["input"]) in _NUMBERS:
        return f"{path} is {_value(detail['input'])}: {_quoted(str(detail['loc'][-1]), detail['input'])}"
    wanted = _MODAL.sub("it must ", detail["msg"].removeprefix("Value error, "))
    return f"{path} is {_value(detail['input'])}: {wanted}"


def _quoted(field: str, number: float) -> str:
    """What to write instead of a bare number."""
    if field in _DURATIONS:
        return f'write it with its unit, as "{number}s" or "{number}ms"'
    return f'write it in quotes, as "{number}"'


def _value(raw: Any) -> str:
    text = json.dumps(raw, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - one line
