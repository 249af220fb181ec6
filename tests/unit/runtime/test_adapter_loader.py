"""What the engine answers when an adapter is to go."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_runtime.config import Engine
from qwen3_runtime.engines import ADAPTERS
from qwen3_runtime.lora.loader import Loader
from qwen3_runtime.weights.problem import FoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from qwen3_runtime.server.upstream import Upstream


class FakeUpstream:
    """Answers each request the same."""

    def __init__(self, status: int, said: str) -> None:
        self._status, self._said = status, said

    @asynccontextmanager
    async def request(self, *_: Any) -> AsyncIterator[SimpleNamespace]:
        async def read() -> bytes:
            return self._said.encode()

        yield SimpleNamespace(status=self._status, read=read)


def loader(status: int, said: str) -> Loader:
    return Loader(ADAPTERS[Engine.VLLM], cast("Upstream", FakeUpstream(status, said)))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "Success"),
        (404, "The lora adapter 'law' cannot be found."),
        (400, "LoRA with name law does not exist. Loaded LoRAs: dict_keys([])"),
    ],
)
async def test_what_the_engine_does_not_have_is_unloaded(status: int, said: str) -> None:
    await loader(status, said).unload("law")


async def test_an_engine_that_does_not_unload_is_told_with_its_words() -> None:
    with pytest.raises(FoundError, match=r"vLLM answered /v1/unload_lora_adapter with 500: busy\."):
        await loader(500, "busy").unload("law")
