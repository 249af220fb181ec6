"""docs/openapi.yaml has the routes of gateway and pod, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from qwen3_runtime.gateway.dialects.anthropic import Messages
from qwen3_runtime.gateway.dialects.ollama import Ollama
from qwen3_runtime.gateway.operations import OPERATIONS
from qwen3_runtime.server.errors import wrong_method
from qwen3_runtime.server.routes import MODELS, PATHS, TOKENIZE

if TYPE_CHECKING:
    from qwen3_runtime.gateway.dialects.dialect import Dialect

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "docs" / "openapi.yaml").read_text())
ERRORS = {Messages: "AnthropicError", Ollama: "OllamaError"}


def documented(tag: str) -> set[tuple[str, str]]:
    found = ((path, method, entry) for path, methods in DOCUMENT["paths"].items() for method, entry in methods.items())
    return {(path, method.upper()) for path, method, entry in found if tag in entry["tags"]}


def test_the_gateways_routes() -> None:
    assert documented("gateway") == {(path, operation.method) for path, operation in OPERATIONS.items()}


def test_a_pods_routes() -> None:
    work = {(path, "POST") for paths in PATHS.values() for path in (*paths, TOKENIZE)}
    assert documented("pod") == work | {(MODELS, "GET"), (MODELS + "/{model}", "GET")}


@pytest.mark.parametrize("path", OPERATIONS)
def test_refusals_have_the_shape_of_their_api(path: str) -> None:
    operation = OPERATIONS[path]
    dialect: Dialect | None = operation.dialect
    error = wrong_method("TRACE", path, operation.method)
    body = error.body() if dialect is None else dialect.error(error)
    answers = DOCUMENT["paths"][path][operation.method.lower()]["responses"]
    names = {answer["$ref"].rpartition("/")[2] for code, answer in answers.items() if code >= "400"}
    assert names == {ERRORS.get(type(dialect), "Error")}
    schema = DOCUMENT["components"]["responses"][names.pop()]["content"]["application/json"]["schema"]
    jsonschema.validate(yaml.safe_load(body), schema)
