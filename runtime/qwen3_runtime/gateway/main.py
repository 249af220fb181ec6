"""The command `qwen3-gateway`."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import uvloop

from qwen3_runtime import logs
from qwen3_runtime.gateway.gateway import Gateway
from qwen3_runtime.gateway.settings import read_settings
from qwen3_runtime.server.listen import allow_connections, spare_collections

if TYPE_CHECKING:
    from qwen3_runtime.gateway.settings import Settings


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = read_settings()
    logs.set_up()
    allow_connections()
    spare_collections()
    uvloop.run(_run(settings))
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Gateway(settings).run(stop)


if __name__ == "__main__":
    raise SystemExit(main())
