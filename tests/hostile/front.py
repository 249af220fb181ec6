"""The ports of a pod in front of an engine that runs already: ``python -m tests.hostile.front ENGINE_PORT``.

It prints the API ports of a model that generates, one that embeds and one that reranks, and the management port.
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop

from qwen3_runtime.config import Phase, Task
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.metrics import Metrics
from qwen3_runtime.phases import Phases
from qwen3_runtime.server.forward import Forwarder
from qwen3_runtime.server.listen import Listener
from qwen3_runtime.server.management import management_app
from qwen3_runtime.server.prepare import served
from qwen3_runtime.server.traffic import Traffic
from qwen3_runtime.server.upstream import Upstream
from tests.gateway.processes import MODEL
from tests.unit.runtime.conftest import make_config


async def main(engine_port: int) -> None:
    phases, adapter = Phases(time.time), SGLang()
    phases.enter(Phase.WARMING_UP)
    phases.enter(Phase.READY)
    upstream, traffic, metrics = Upstream(engine_port), Traffic(phases), Metrics(adapter.metrics)
    configs = [make_config(served_model_name=MODEL, task=task, max_thinking_tokens=100) for task in Task]
    apps = [Forwarder(served(config, adapter), upstream, traffic, metrics) for config in configs]
    listeners = [Listener(app, 0) for app in (*apps, management_app(phases, metrics, upstream))]
    for listener in listeners:
        await listener.open()
    print("ports", *(listener.port for listener in listeners), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
