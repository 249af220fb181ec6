"""``python -m qwen3_operator``: settings, logs, signals, exit codes."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys

from pydantic import ValidationError

from qwen3_operator import log
from qwen3_operator.process import KindsChanged, Process, connect
from qwen3_operator.reconcile.client import Client
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.settings import Settings, from_environment

_LOG = logging.getLogger(__name__)
_USAGE = 2


async def _run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT, which end it in order."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("not in a task")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    async with await connect() as api:
        groups = await Client(api).serves(Kind.LEADER_WORKER_SET.value)
        try:
            await Process(api, settings, groups=groups).run()
        except* KindsChanged:
            _LOG.info("LeaderWorkerSets came or went: the next process watches what there is now")


def main() -> None:
    """Exit 0 after a signal or to watch other kinds, 1 when anything failed (watch, Lease), 2 for wrong settings."""
    try:
        settings = from_environment(os.environ, socket.gethostname())
    except ValidationError as error:
        sys.stderr.write(f"wrong environment: {error}\n")
        sys.exit(_USAGE)
    log.configure(settings.log_level)
    # What was imported stays: to look through it takes a collection 70 ms, in which nothing else is done.
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(_run(settings))
    except asyncio.CancelledError:
        _LOG.info("ended by a signal")
    except Exception:  # noqa: BLE001 - the boundary
        _LOG.exception("operator failed")
        sys.exit(1)


if __name__ == "__main__":
    main()
