"""Counters that several gateways share in Valkey or Redis.

While it cannot be reached each gateway goes on within its share of every limit: limit divided by the gateways that were
alive last. Its share of what all had used counts as used, so that all together stay within the limit from the first
moment on. What is used meanwhile is summed and booked when it is back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from typing_extensions import override
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from qwen3_runtime.gateway.limits import scripts
from qwen3_runtime.gateway.limits.account import describe
from qwen3_runtime.gateway.limits.local import LocalStore
from qwen3_runtime.gateway.limits.pending import Pending
from qwen3_runtime.gateway.limits.types import Reservation, Standing, Store, Tokens, bounds_of, day_of, renewal
from qwen3_runtime.tenancy import LimitName

if TYPE_CHECKING:
    from qwen3_runtime.tenancy import LimitUsage, Tenant

logger = logging.getLogger(__name__)

PREFIX = "qwen3-gateway:"
ALIVE = PREFIX + "alive"
ANSWER_SECONDS = 1.0
"""A store on the same network answers in a thousandth; a starved machine must not look like a store that is gone."""
CLOSED_SECONDS = 1.0
"""After a failure nothing is asked for so long."""
SETTLE_SECONDS = 0.05
"""Between two bookings of what was used; until then it stays held."""
ALIVE_SECONDS = 15
"""A gateway that has not been heard of for so long is dead, and what it held is free."""
BEAT_SECONDS = 3.0
_NAMES = tuple(LimitName)
_FAILURES = (ValkeyError, OSError, TimeoutError)


class SharedStore(Store):
    """One gateway's view of the shared counters."""

    def __init__(self, url: str) -> None:
        self._client: Any = Valkey.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, decode_responses=True
        )
        self._reserve, self._settle, self._usage, self._alive = (
            self._client.register_script(text)
            for text in (scripts.RESERVE, scripts.SETTLE, scripts.USAGE, scripts.BEAT)
        )
        self._gateway = uuid4().hex
        self._own = LocalStore()
        """What this gateway has let in itself: the base of its share."""
        self._pending: dict[tuple[str, str], Pending] = {}
        self._bookings: dict[int, tuple[str, tuple[str | int, ...]]] = {}
        """Number -> tenant and arguments: on their way, perhaps booked already."""
        self._closed_until = 0.0
        self._gateways = 1
        self._batches = 0

    @property
    def is_away(self) -> bool:
        """Whether limits hold by this gateway's share only."""
        return self._closed_until > 0

    @override
    async def reserve(self, tenant: Tenant, tokens: Tokens) -> tuple[Standing, Reservation]:
        if time.monotonic() >= self._closed_until:
            try:
                found = await self._reserve(keys=_keys(tenant.name), args=self._arguments(tenant, tokens))
            except _FAILURES as error:
                self._close(error)
            else:
                self._open()
                return self._read(tenant, tokens, [int(value) for value in found])
        return self._own.take(tenant, tokens, 1 / self._gateways)

    def _read(self, tenant: Tenant, tokens: Tokens, found: list[int]) -> tuple[Standing, Reservation]:
        refused, wait, second, alive, *left = found
        self._gateways = max(1, alive)
        if refused:
            name = _NAMES[refused - 1]
            standing = Standing(name, float(wait) if wait >= 0 else _renewal(name), {name: left[0]})
        else:
            standing = Standing(remaining={name: n for name, n in zip(_NAMES, left, strict=False) if n >= 0})
            self._own.note(tenant.name, tokens)
        self._own.align(tenant, standing, 1 / self._gateways)
        return standing, Reservation(tenant.name, tokens, second, shared=not refused)

    @override
    def settle(self, reservation: Reservation, used: Tokens) -> None:
        self._own.settle(reservation, used)
        key = reservation.tenant, day_of(time.time())
        self._pending.setdefault(key, Pending()).add(reservation, used)

    @override
    async def usage(self, tenant: Tenant) -> tuple[LimitUsage, ...]:
        day = day_of(time.time())
        try:
            used = await self._usage(keys=_keys(tenant.name), args=[day, day[:7]])
        except _FAILURES as error:
            self._close(error)
            return await self._own.usage(tenant)
        return describe(tenant, tuple(int(value) for value in used))

    async def run(self) -> None:
        """Book what was used and say that this gateway is alive, for good."""
        beat = 0.0
        while True:
            await asyncio.sleep(SETTLE_SECONDS)
            if time.monotonic() < self._closed_until:
                continue
            try:
                if time.monotonic() >= beat:
                    await self._beat()
                    beat = time.monotonic() + BEAT_SECONDS
                await self.flush()
            except _FAILURES as error:
                self._close(error)

    async def flush(self) -> None:
        """Book what is pending. A booking whose answer was lost is asked again under its number and counts once."""
        if not self._bookings:
            # Sums must not grow between two attempts of one number.
            for (tenant, day), pending in self._pending.items():
                self._batches += 1
                pairs = (number for pair in pending.input_surplus.items() for number in pair)
                arguments: tuple[str | int, ...] = (
                    self._gateway,
                    self._batches,
                    *pending.arguments(),
                    day,
                    day[:7],
                    *pairs,
                )
                self._bookings[self._batches] = tenant, arguments
            self._pending.clear()
        for number, (tenant, arguments) in tuple(self._bookings.items()):
            await self._settle(keys=_keys(tenant), args=arguments)
            del self._bookings[number]

    async def _beat(self) -> None:
        self._gateways = int(await self._alive(keys=[ALIVE], args=[self._gateway, ALIVE_SECONDS]))
        self._open()

    async def close(self) -> None:
        """Book the rest, if it can be, and leave."""
        try:
            async with asyncio.timeout(4 * ANSWER_SECONDS):
                await self.flush()
                await self._client.zrem(ALIVE, self._gateway)
        except _FAILURES as error:
            logger.warning("the shared counters miss the last bookings: %s", error)
        await self._client.aclose()

    def _arguments(self, tenant: Tenant, tokens: Tokens) -> list[str | int]:
        day = day_of(time.time())
        numbers = [-1 if bound is None else bound for bound in bounds_of(tenant)]
        return [self._gateway, tokens.input, tokens.output, *numbers, day, day[:7]]

    def _close(self, error: Exception) -> None:
        if not self._closed_until:
            logger.warning("the shared counters are away, 1/%d of each limit is ours: %s", self._gateways, error)
        self._closed_until = time.monotonic() + CLOSED_SECONDS

    def _open(self) -> None:
        if self._closed_until:
            logger.info("the shared counters are back")
            self._closed_until = 0.0


def _keys(tenant: str) -> list[str]:
    return [f"{PREFIX}{{{tenant}}}", ALIVE]


def _renewal(name: LimitName) -> float:
    return renewal(time.time(), monthly=name is LimitName.TOKENS_PER_MONTH)
