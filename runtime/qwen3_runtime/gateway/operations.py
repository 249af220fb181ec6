"""The paths that a tenant may ask for, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.config import Task
from qwen3_runtime.gateway.dialects import ollama
from qwen3_runtime.gateway.dialects.anthropic import Messages
from qwen3_runtime.gateway.dialects.responses import Responses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.gateway.dialects.dialect import Dialect

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"
MODEL = MODELS + "/{model}"
COUNT_TOKENS = "/v1/messages/count_tokens"
MESSAGES = Messages()
TAGS, SHOW, VERSION = "/api/tags", "/api/show", "/api/version"
ROOT = "/"


@dataclass(frozen=True)
class Operation:
    """One path, under the name it has in metrics."""

    path: str
    task: Task | None
    """Models of other tasks do not answer it. None: the gateway answers by itself."""
    method: str = "POST"
    usage_option: bool = False
    """Whether a stream tells its usage only where ``stream_options.include_usage`` asks for it."""
    dialect: Dialect | None = None
    """Whose API it is; None: the replica's own."""

    @property
    def target(self) -> str:
        """Path at the replica."""
        return self.path if self.dialect is None else CHAT

    @property
    def thinks(self) -> bool:
        """Whether its requests can say how long a thought may be."""
        return self.target == CHAT


OPERATIONS: Mapping[str, Operation] = {
    operation.path: operation
    for operation in (
        Operation(CHAT, Task.GENERATE, usage_option=True),
        Operation("/v1/completions", Task.GENERATE, usage_option=True),
        Operation("/v1/responses", Task.GENERATE, usage_option=True, dialect=Responses()),
        Operation("/v1/embeddings", Task.EMBED),
        Operation("/v1/rerank", Task.RERANK),
        Operation(MODELS, None, "GET"),
        Operation(MODEL, None, "GET"),
        Operation("/v1/messages", Task.GENERATE, usage_option=True, dialect=MESSAGES),
        Operation(COUNT_TOKENS, None, dialect=MESSAGES),
        Operation("/api/chat", Task.GENERATE, usage_option=True, dialect=ollama.CHAT),
        Operation("/api/generate", Task.GENERATE, usage_option=True, dialect=ollama.GENERATE),
        Operation(TAGS, None, "GET", dialect=ollama.CHAT),
        Operation(SHOW, None, dialect=ollama.CHAT),
        Operation(VERSION, None, "GET", dialect=ollama.CHAT),
        # Whether anybody is there, which Ollama's command line asks before all else.
        Operation(ROOT, None, "HEAD", dialect=ollama.CHAT),
    )
}


def find_operation(path: str) -> Operation | None:
    """The operation of a path."""
    return OPERATIONS.get(MODEL if path.startswith(MODELS + "/") else path)
