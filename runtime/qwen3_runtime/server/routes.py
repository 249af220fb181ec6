"""The only paths that reach the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from qwen3_runtime.config import Task
from qwen3_runtime.server.errors import ErrorAnswer, model_not_found, wrong_method

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
MODELS = "/v1/models"
TOKENIZE = "/v1/tokenize"
"""Of a chat's prompt, where the engine does that; it generates nothing."""
PATHS: Mapping[Task, tuple[str, ...]] = {
    Task.GENERATE: (CHAT, COMPLETIONS),
    Task.EMBED: ("/v1/embeddings",),
    Task.RERANK: ("/v1/rerank",),
}
"""What a model of each task answers."""


@dataclass(frozen=True)
class Route:
    """An allowed path, under the name it has in the metrics."""

    name: str
    has_body: bool
    is_work: bool = True
    """Whether the body is work for the model, and so counts as such when it arrives."""
    model: str = ""
    """In the place of ``{model}``."""

    @property
    def target(self) -> bytes:
        """What the engine is asked for: never the client's own spelling, and no query."""
        return self.name.replace("{model}", quote(self.model)).encode()


def find_route(
    method: str, path: str, names: tuple[str, ...], task: Task, *, tokenizes: bool = False
) -> Route | ErrorAnswer:
    """The route of a request or the answer for a wrong one. ``path`` is decoded and without the query.

    ``names`` are the model's own and those of its adapters.
    """
    is_tokenize = tokenizes and path == TOKENIZE and task is Task.GENERATE
    has_body = is_tokenize or path in PATHS[task]
    if not has_body and path != MODELS and not path.startswith(MODELS + "/"):
        return _unknown(path, names[0], task)
    allowed = "POST" if has_body else "GET"
    if method != allowed:
        return wrong_method(method, path, allowed)
    if has_body or path == MODELS:
        return Route(path, has_body=has_body, is_work=not is_tokenize)
    model = path.removeprefix(MODELS + "/")
    if model not in names:
        return model_not_found(model, names)
    return Route(MODELS + "/{model}", has_body=False, model=model)


def _unknown(path: str, served_model_name: str, task: Task) -> ErrorAnswer:
    if any(path in paths for paths in PATHS.values()):
        answered = " and ".join(PATHS[task])
        return ErrorAnswer(404, "unknown_path", f"{served_model_name} does not answer {path}, but {answered}.")
    return ErrorAnswer(404, "unknown_path", f"There is no {path} on this server.")
