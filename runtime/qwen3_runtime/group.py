"""What a worker of a group of pods knows of its leader."""

from __future__ import annotations

import asyncio
from contextlib import suppress

LOOK_SECONDS = 0.5
"""Between two looks at the leader."""


async def leader_gone(host: str, port: int, *, within: float) -> None:
    """Wait until nobody listens on the leader's port, at most ``within`` seconds.

    The leader finishes its requests before it ends, and they need every member until then.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while await _listens(host, port):  # noqa: ASYNC110 - it sends no event
                await asyncio.sleep(LOOK_SECONDS)


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
