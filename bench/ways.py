"""Ways to one stub replica that are compared: what a client saw on each, round by round."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.forwarding import processor_seconds
from qwen3_runtime.server.upstream import Upstream
from tests.gateway.processes import key_of
from tests.gateway.raw import CHAT

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUND_SECONDS = 2.5
_HEADERS = ((b"authorization", b"Bearer " + key_of("a").encode()), (b"content-type", b"application/json"))


@dataclass
class Round:
    """What was seen in one."""

    seconds: float = 0.0
    processor_seconds: float = 0.0
    """Of what stands in between."""
    firsts: list[float] = field(default_factory=list)
    """Seconds to the first byte of the body, of each request."""


class Way:
    """One way to the stub."""

    def __init__(self, name: str, port: int, pid: int | None = None) -> None:
        """``pid``: process of what stands in between."""
        self.name = name
        self._upstream = Upstream(port)
        self._pid = pid
        self.rounds: list[Round] = []

    async def ask(self, body: bytes, seen: Round) -> None:
        """One request, read to its end."""
        began = time.perf_counter()
        async with self._upstream.request("POST", CHAT.encode(), body, _HEADERS) as answer:
            await answer.readany()
            seen.firsts.append(time.perf_counter() - began)
            await answer.read()
        if answer.status != 200:  # noqa: PLR2004 - HTTP's
            raise RuntimeError(f"{self.name} answered {answer.status}")

    async def loop(self, clients: int, body: bytes, lasts: float = 0.0) -> None:
        """Clients that ask again as soon as they have their answer, for one round; they come over ``lasts`` seconds."""
        seen, began, used = Round(), time.perf_counter(), self._used()

        async def client(number: int) -> None:
            await asyncio.sleep(lasts * number / clients)
            while time.perf_counter() - began < ROUND_SECONDS + lasts:
                await self.ask(body, seen)

        await asyncio.gather(*(client(number) for number in range(clients)))
        self._end(seen, began, used)

    async def pace(self, rate: float, body: bytes) -> None:
        """So many requests a second whether answers come or not, for one round."""
        seen, began, used = Round(), time.perf_counter(), self._used()
        async with asyncio.TaskGroup() as group:
            for number in range(max(2, int(rate * ROUND_SECONDS))):
                await asyncio.sleep(began + number / rate - time.perf_counter())
                group.create_task(self.ask(body, seen))
        self._end(seen, began, used)

    def close(self) -> None:
        """Its connections."""
        self._upstream.close()

    @property
    def requests(self) -> int:
        """Of all rounds."""
        return sum(len(seen.firsts) for seen in self.rounds)

    @property
    def rate(self) -> float:
        """Requests a second, the median of the rounds."""
        return statistics.median(self.rates)

    @property
    def rates(self) -> list[float]:
        """Requests a second of each round."""
        return [len(seen.firsts) / seen.seconds for seen in self.rounds]

    @property
    def processor_us(self) -> float:
        """Microseconds of processor time a request, which hardly depend on who else uses the machine."""
        return 1e6 * sum(seen.processor_seconds for seen in self.rounds) / self.requests

    def first_ms(self, percent: int) -> float:
        """Percentile of the time to the first byte, the median of the rounds."""
        return statistics.median(_ms(seen.firsts, percent) for seen in self.rounds)

    def _used(self) -> float:
        return 0.0 if self._pid is None else processor_seconds(self._pid)

    def _end(self, seen: Round, began: float, used: float) -> None:
        seen.seconds = time.perf_counter() - began
        seen.processor_seconds = self._used() - used
        self.rounds.append(seen)


def _ms(seconds: Sequence[float], percent: int) -> float:
    return 1000 * statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1]
