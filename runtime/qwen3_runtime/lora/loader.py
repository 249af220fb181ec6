"""The engine's own paths for LoRA adapters, asked on loopback."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from qwen3_runtime.config import Task
from qwen3_runtime.lora.ports import REFUSED
from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.routes import CHAT
from qwen3_runtime.warmup import first_request
from qwen3_runtime.weights.problem import FoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.config import AdapterFiles
    from qwen3_runtime.engines.base import Adapter
    from qwen3_runtime.server.upstream import Upstream

_HEADERS = ((b"content-type", b"application/json"),)
_SAID = 500
"""Characters of the engine's answer that are repeated."""

_UNKNOWN = ("cannot be found", "does not exist")
"""What an engine says of an adapter that it does not have: it refused to load it, or its answer to an unload got lost.

vLLM 0.32.0: entrypoints/openai/models/serving.py, SGLang 0.5.16 and 0.5.23: srt/lora/lora_registry.py.
"""


class Loader:
    """Loads and unloads; each method raises `FoundError` with ``AdapterRefused`` where the engine does not."""

    def __init__(self, adapter: Adapter, upstream: Upstream) -> None:
        assert adapter.adapter_paths is not None  # noqa: S101 - others are not started with adapters
        self._load, self._unload = adapter.adapter_paths
        self._adapter = adapter
        self._upstream = upstream

    async def load(self, files: AdapterFiles) -> None:
        """Load an adapter and have it answer one token."""
        await self._ask(self._load, {"lora_name": files.name, "lora_path": files.path})
        fields = self._adapter.adapter_fields(files.name) or {}
        await self._ask(CHAT, first_request(files.name, Task.GENERATE, fields))

    async def unload(self, name: str) -> None:
        """Have the engine forget an adapter that no request uses; one that it does not know is forgotten."""
        try:
            await self._ask(self._unload, {"lora_name": name})
        except FoundError as found:
            if not any(words in found.problem.message for words in _UNKNOWN):
                raise

    async def _ask(self, path: str, request: Mapping[str, Any]) -> None:
        body = json.dumps(request).encode()
        try:
            async with self._upstream.request("POST", path.encode(), body, _HEADERS) as answer:
                said = (await answer.read()).decode(errors="replace")[:_SAID]
        except EngineError as error:
            raise FoundError(REFUSED, f"{self._adapter.name} did not answer {path}: {error}.") from error
        if answer.status != HTTPStatus.OK:
            raise FoundError(REFUSED, f"{self._adapter.name} answered {path} with {answer.status}: {said}.")
