"""Other gateways: LiteLLM's proxy and sglang-router, each in an environment of its own from a lock."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.server.listen import free_port
from tests.gateway.processes import MODEL, Process, key_of
from tests.gateway.raw import call, chat_body
from tests.kind.venv import Venv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOCKS = Path(__file__).parent / "locks"
START_SECONDS = 300
"""LiteLLM imports for 10 s of processor time."""
_LIMITED_KEYS = """
from litellm.proxy._types import UserAPIKeyAuth

async def check(request, api_key):
    if api_key != {key!r}:
        raise ValueError("no such key")
    return UserAPIKeyAuth(api_key=api_key, rpm_limit=10**9, tpm_limit=10**12, max_parallel_requests=10**6)
"""
"""Keys with limits out of LiteLLM's own database would need PostgreSQL; this way it counts the same without one."""


class Peer(Process):
    """One of them, in front of the stub. It is there when a chat comes back through it."""

    def __init__(
        self, venv: Venv, arguments: list[str], port: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__([str(venv.python), *arguments], log, "", environment=environment)
        self.name, self.port = f"{venv.distribution} {venv.version}", port
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} did not start: {self.output[-2000:]}")
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            answer = call(
                f"http://127.0.0.1:{self.port}", body=chat_body(), headers={"content-type": "application/json"}
            )
        except OSError:
            return False
        return answer.status == 200  # noqa: PLR2004 - HTTP's


def start_litellm(stub_port: int, folder: Path) -> Peer:
    """One worker. It knows a key and counts requests, tokens and what runs at once, without a limit that is met."""
    venv = _venv("litellm")
    served = {"model": f"openai/{MODEL}", "api_base": f"http://127.0.0.1:{stub_port}/v1", "api_key": "none"}
    (folder / "limited.py").write_text(_LIMITED_KEYS.format(key=key_of("a")))
    config = folder / "litellm.yaml"
    models = [{"model_name": MODEL, "litellm_params": served}]
    config.write_text(json.dumps({"model_list": models, "general_settings": {"custom_auth": "limited.check"}}))
    port = free_port()
    arguments = [str(venv.home / "bin/litellm"), f"--config={config}", "--host=127.0.0.1", f"--port={port}"]
    environment = os.environ | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # As its guide to production says.
        "LITELLM_LOG": "ERROR",
        "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(32)}",
    }
    return Peer(venv, [*arguments, "--num_workers=1"], port, folder / "litellm.log", environment)


def start_router(stub_ports: Sequence[int], folder: Path, *options: str) -> Peer:
    """With its own policy, which knows prefixes; it knows neither keys nor limits of tenants."""
    venv, port = _venv("sglang-router"), free_port()
    arguments = ["-m", "sglang_router.launch_router", "--host=127.0.0.1", f"--port={port}", "--log-level=warn"]
    arguments += [f"--prometheus-port={free_port()}", *options]
    arguments += ["--worker-urls", *(f"http://127.0.0.1:{stub_port}" for stub_port in stub_ports)]
    return Peer(venv, arguments, port, folder / "router.log")


def _venv(distribution: str) -> Venv:
    venv = Venv("peers", distribution, LOCKS / f"{distribution}.txt")
    venv.make()
    return venv
