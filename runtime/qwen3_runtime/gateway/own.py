"""What the gateway answers by itself: which models there are."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from qwen3_runtime.config import Task, ThinkingMode
from qwen3_runtime.gateway import errors
from qwen3_runtime.gateway.call import read_object
from qwen3_runtime.gateway.directory import as_named
from qwen3_runtime.gateway.operations import MODEL, MODELS, SHOW, TAGS
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from qwen3_runtime.gateway.directory import Directory
    from qwen3_runtime.gateway.dispatch import Dispatcher
    from qwen3_runtime.gateway.operations import Operation
    from qwen3_runtime.tenancy import Route, Tenant

OLLAMA_VERSION = "0.9.0"
"""What is spoken of Ollama's API: that of the first version with ``think`` (github.com/ollama/ollama/releases)."""
_LONG_AGO = "1970-01-01T00:00:00Z"
"""Nobody knows when a model's files changed."""
_CAPABILITIES = {Task.GENERATE: ("completion", "tools"), Task.EMBED: ("embedding",), Task.RERANK: ()}


class OwnAnswers:
    """Answers out of the directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def answer(self, operation: Operation, path: str, tenant: Tenant, body: bytes) -> Any:
        """The answer's JSON.

        Raises:
            InterruptedRequestError: there is no such model, or the body is wrong.
        """
        if operation.path == MODELS:
            return {"object": "list", "data": [_listed(route) for route in self._directory.of(tenant)]}
        if operation.path == MODEL:
            return _listed(self._route(tenant, path.removeprefix(MODELS + "/")))
        if operation.path == TAGS:
            return {"models": [_tag(route) for route in self._directory.of(tenant)]}
        if operation.path == SHOW:
            # The older field, in which Ollama's command line still names it.
            return _shown(self._route(tenant, read_object(body, name="name")["model"]))
        return {"version": OLLAMA_VERSION}

    def model(self, tenant: Tenant, name: str) -> Dispatcher:
        """A model that the tenant may use, by its own name or that of an adapter."""
        model = self._directory.find(tenant, name)
        if model is None:
            raise InterruptedRequestError(errors.model_not_found(name))
        return model

    def _route(self, tenant: Tenant, name: str) -> Route:
        return as_named(self.model(tenant, name).route, name)


def _listed(route: Route) -> dict[str, object]:
    """As OpenAI lists it, with the context length under the name that SGLang and vLLM give it."""
    return {"id": route.name, "object": "model", "owned_by": "qwen3-serving", "max_model_len": route.context_length}


def _tag(route: Route) -> dict[str, object]:
    """As Ollama lists it. What is only known of files on a disk is left at nothing."""
    digest = hashlib.sha256(f"{route.namespace}/{route.deployment}".encode()).hexdigest()
    names = {"name": route.name, "model": route.name, "modified_at": _LONG_AGO, "size": 0, "digest": digest}
    return names | {"details": _details()}


def _shown(route: Route) -> dict[str, object]:
    thinks = ("thinking",) if route.thinking is not ThinkingMode.NEVER else ()
    return {
        "modified_at": _LONG_AGO,
        "details": _details(),
        "model_info": {"general.architecture": "qwen3", "qwen3.context_length": route.context_length},
        "capabilities": [*_CAPABILITIES[route.task], *thinks],
    }


def _details() -> dict[str, object]:
    return {"format": "", "family": "qwen3", "families": ["qwen3"], "parameter_size": "", "quantization_level": ""}
