"""A stub replica with a prefix cache of bounded size, whose time is what its cache lacks.

``python -m bench.cached_engine CAPACITY`` prints ``listening PORT``. Twice the capacity reads prompts twice as fast,
keeps twice the tokens and works on twice the requests. A word is a token. ``GET /totals`` tells ``cached`` too.
"""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import uvloop
from typing_extensions import override

from tests.gateway.stub import Replica, Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK_TOKENS = 16
"""The cache keeps whole blocks, as vLLM's does; SGLang's are finer."""
SLOTS, CACHE_TOKENS, PROMPT_TOKENS_A_SECOND = 8, 40_000, 15_000.0
"""Of capacity 1."""


class Cache:
    """Blocks by all the text up to their end; the longest unused go first."""

    def __init__(self, tokens: int) -> None:
        self._most = tokens // BLOCK_TOKENS
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def read(self, tokens: Sequence[str]) -> int:
        """How many of a prompt's tokens were there; now all are."""
        keys, key = [], 0
        for start in range(0, len(tokens) - BLOCK_TOKENS + 1, BLOCK_TOKENS):
            key = hash((key, *tokens[start : start + BLOCK_TOKENS]))
            keys.append(key)
        there = next((number for number, one in enumerate(keys) if one not in self._blocks), len(keys))
        for one in reversed(keys):
            self._blocks[one] = None
            self._blocks.move_to_end(one)
        while len(self._blocks) > self._most:
            self._blocks.popitem(last=False)
        return there * BLOCK_TOKENS


class EngineTotals(Totals):
    """And what was found in the cache."""

    def __init__(self) -> None:
        super().__init__()
        self.cached = 0


class Engine(Replica):
    """One connection to it. Prompts are read one after the other, answers are written side by side."""

    capacity: float
    cache: Cache
    slots: asyncio.Semaphore
    reading: asyncio.Lock
    totals: EngineTotals

    def __init__(self) -> None:
        super().__init__(self.totals)

    @override
    async def _work(self, request: dict[str, Any], wish: dict[str, Any], prompt: int) -> None:
        tokens = [word for message in request["messages"] for word in (message["role"], *message["content"].split())]
        self.totals.enter(len(tokens), "")
        try:
            async with self.slots:
                async with self.reading:
                    cached = self.cache.read(tokens)
                    self.totals.cached += cached
                    await asyncio.sleep((len(tokens) - cached) / (PROMPT_TOKENS_A_SECOND * self.capacity))
                await self._stream(request, wish, len(tokens))
        finally:
            self.totals.in_flight -= 1


async def main(capacity: float) -> None:
    """Serve on a free port."""
    Engine.capacity, Engine.totals = capacity, EngineTotals()
    Engine.cache = Cache(round(CACHE_TOKENS * capacity))
    Engine.slots, Engine.reading = asyncio.Semaphore(round(SLOTS * capacity)), asyncio.Lock()
    server = await asyncio.get_running_loop().create_server(Engine, "127.0.0.1", 0)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1])))
