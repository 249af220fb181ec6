"""When the newest request came, by which a process that ends knows that nobody sends it any more."""

from __future__ import annotations

import asyncio

LONGEST_LAME_DUCK = 2
"""Times the seconds without a request that are waited for, as long as requests still come: on a node without a free
core kube-proxy is late."""


class Arrivals:
    """Of one port."""

    def __init__(self) -> None:
        self._newest = 0.0
        """Loop time."""

    def note(self) -> None:
        """A request has come."""
        self._newest = asyncio.get_running_loop().time()

    async def quiet(self, seconds: float, within: float) -> None:
        """Wait until no new request has come for so long, at most ``within`` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        self.note()
        while (left := min(self._newest + seconds, end) - loop.time()) > 0:  # noqa: ASYNC110 - it sleeps to the end
            await asyncio.sleep(left)
