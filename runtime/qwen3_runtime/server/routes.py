"""The only paths that reach the engine."""

from __future__ import annotations

from dataclasses import dataclass

from qwen3_runtime.server.errors import ErrorAnswer, model_not_found

MODELS = "/v1/models"
GENERATE = ("/v1/chat/completions", "/v1/completions")


@dataclass(frozen=True)
class Route:
    """An allowed path, under the name it has in the metrics."""

    name: str
    has_body: bool


def find_route(method: str, path: str, served_model_name: str) -> Route | ErrorAnswer:
    """The route of a request or the answer for a wrong one. ``path`` is decoded and without the query."""
    if path in GENERATE:
        return Route(path, has_body=True) if method == "POST" else _wrong_method(method, path)
    if path != MODELS and not path.startswith(MODELS + "/"):
        return ErrorAnswer(404, "unknown_path", f"There is no {path} on this server.")
    if method != "GET":
        return _wrong_method(method, path)
    if path == MODELS:
        return Route(MODELS, has_body=False)
    model = path.removeprefix(MODELS + "/")
    if model != served_model_name:
        return model_not_found(model, served_model_name)
    return Route(MODELS + "/{model}", has_body=False)


def _wrong_method(method: str, path: str) -> ErrorAnswer:
    return ErrorAnswer(405, "method_not_allowed", f"{path} does not take {method}.")
