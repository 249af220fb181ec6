"""People who chat, several turns each, with instructions that their tenant gives all of them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qwen3_runtime.server.connection import EngineError
from qwen3_runtime.server.upstream import Upstream
from tests.gateway.processes import key_of
from tests.gateway.raw import CHAT, chat_body, wish

if TYPE_CHECKING:
    from collections.abc import Sequence

TENANTS = ("a", "b", "c", "d", "e", "f")
INSTRUCTION_WORDS = (200, 500, 800, 1200, 1600, 2000)
"""Of each tenant."""
TURN_WORDS, ANSWER_WORDS = 120, 80
TURNS = (2, 9)
"""Of a chat, fewest and most."""
CHATS = 64
"""At once; one that ends makes room for another."""
THINK_SECONDS, ANSWER_SECONDS = 0.6, 0.4
"""Means between two turns, and of an answer after its first token."""
_END = b"data: [DONE]\n\n"


@dataclass
class Seen:
    """By all of them."""

    firsts: list[float] = field(default_factory=list)
    """Seconds to the first token of each whole answer."""
    lost: int = 0
    """Requests without a first token."""
    cut: int = 0
    """Answers without their end."""


class Chats:
    """The same chats at the same seed; when a turn comes depends on the answers before it.

    Of several ports any one is asked, turn by turn.
    """

    def __init__(self, ports: Sequence[int], seed: int) -> None:
        self._upstreams = [Upstream(port) for port in ports]
        self._any = random.Random(f"{seed} any")  # noqa: S311 - not for secrets
        self._seed = seed
        self.seen = Seen()
        self.is_over = False

    async def run(self) -> None:
        """Until ``is_over``."""
        await asyncio.gather(*(self._seat(random.Random(f"{self._seed} {seat}")) for seat in range(CHATS)))  # noqa: S311 - not for secrets
        for upstream in self._upstreams:
            upstream.close()

    async def _seat(self, rng: random.Random) -> None:
        await asyncio.sleep(rng.uniform(0, THINK_SECONDS + ANSWER_SECONDS))
        while not self.is_over:
            await self._chat(rng)

    async def _chat(self, rng: random.Random) -> None:
        number = rng.randrange(len(TENANTS))
        instructions = _words(random.Random(number), INSTRUCTION_WORDS[number])  # noqa: S311 - not for secrets
        messages = [{"role": "system", "content": instructions}]
        for _ in range(rng.randint(*TURNS)):
            # In the text: sglang-router takes the field `user` away.
            wanted = wish(last=rng.expovariate(1 / ANSWER_SECONDS), text=_words(rng, TURN_WORDS))
            messages.append({"role": "user", "content": wanted})
            body = chat_body(messages=messages, stream=True, max_tokens=1)
            await self._ask(TENANTS[number], json.dumps(body).encode())
            messages.append({"role": "assistant", "content": _words(rng, ANSWER_WORDS)})
            await asyncio.sleep(rng.expovariate(1 / THINK_SECONDS))
            if self.is_over:
                return

    async def _ask(self, tenant: str, body: bytes) -> None:
        headers = ((b"authorization", b"Bearer " + key_of(tenant).encode()), (b"content-type", b"application/json"))
        began, first, is_whole, seen = time.perf_counter(), None, False, self.seen
        try:
            async with self._any.choice(self._upstreams).request("POST", CHAT.encode(), body, headers) as answer:
                if answer.status == 200:  # noqa: PLR2004 - HTTP's
                    start = await answer.readany()
                    first = time.perf_counter() - began
                    is_whole = (start + await answer.read()).endswith(_END)
        except EngineError:
            pass
        if first is None:
            seen.lost += 1
        elif is_whole:
            seen.firsts.append(first)
        else:
            seen.cut += 1


def _words(rng: random.Random, count: int) -> str:
    return " ".join(f"w{rng.randrange(100_000)}" for _ in range(count))
