"""Wires the parts of the runtime together and runs them in one loop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time

import uvloop

from qwen3_runtime import logs
from qwen3_runtime.config import TerminationReason
from qwen3_runtime.engines import ADAPTERS
from qwen3_runtime.lifecycle import Lifecycle
from qwen3_runtime.metrics import Metrics
from qwen3_runtime.phases import Phases, first_phase
from qwen3_runtime.server.forward import Forwarder
from qwen3_runtime.server.listen import Listener, allow_connections, free_port, spare_collections
from qwen3_runtime.server.management import management_app
from qwen3_runtime.server.prepare import served
from qwen3_runtime.server.traffic import Traffic
from qwen3_runtime.server.upstream import Upstream
from qwen3_runtime.settings import ConfigError, Settings, read_settings, termination_log
from qwen3_runtime.termination import Termination, write

logger = logging.getLogger(__name__)


def main() -> int:
    """Run the pod; its exit code. Whatever goes wrong stands in the termination message."""
    logs.set_up()
    allow_connections()
    spare_collections()
    try:
        settings = read_settings(os.environ)
        why = uvloop.run(_run(settings))
    except ConfigError as error:
        why = Termination(TerminationReason.CONFIG_INVALID, str(error))
    if why is None:
        logger.info("ended in order")
        return 0
    write(termination_log(os.environ), why)
    return 1


async def _run(settings: Settings) -> Termination | None:
    adapter = ADAPTERS[settings.config.engine]
    ceiling = settings.config.max_thinking_tokens
    if ceiling is not None and adapter.thinking_limit(ceiling) is None:
        raise ConfigError(f"maxThinkingTokens: {adapter.name} cannot limit thinking")
    if settings.config.adapters is not None and adapter.adapter_fields("") is None:
        raise ConfigError(f"adapters: {adapter.name} serves no LoRA adapter under a name of its own")
    stop = _stop_on_signals()
    engine_port = free_port()
    phases = Phases(time.time, first_phase(settings.config))
    metrics = Metrics(adapter.metrics)
    traffic = Traffic(phases)
    metrics.in_flight.set_function(lambda: traffic.count)
    upstream = Upstream(engine_port, reuse=adapter.keeps_connections)
    servers = [Listener(management_app(phases, metrics, upstream), settings.management_port)]
    forwarder = Forwarder(served(settings.config, adapter), upstream, traffic, metrics)
    if settings.config.answers:
        servers.append(Listener(forwarder, settings.api_port))
    for server in servers:
        await server.open()
    lifecycle = Lifecycle(
        settings=settings,
        adapter=adapter,
        phases=phases,
        traffic=traffic,
        upstream=upstream,
        engine_port=engine_port,
        offer=forwarder.offer,
    )
    try:
        return await lifecycle.run(stop)
    finally:
        for server in reversed(servers):
            await server.close()
        upstream.close()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
