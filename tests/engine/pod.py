"""One engine pod without Kubernetes: the runtime as a process, with the real engine as its child."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen3_runtime.config import (
    CONFIG_VARIABLE,
    Device,
    Limits,
    ModelFiles,
    Phase,
    PhaseReport,
    RuntimeConfig,
    Shutdown,
)
from qwen3_runtime.engines import processes
from qwen3_runtime.server.listen import free_port
from tests.patience import HANG_SECONDS

MODEL = "qwen3-tiny"
START_SECONDS = 300
"""An engine takes 25 s to start on an idle machine, several times as long beside others."""
RUNTIME = Path(__file__).parents[2] / "runtime"


def tiny_config(model: Path, **changes: Any) -> RuntimeConfig:
    """Configuration of the tiny model on the CPU."""
    values: dict[str, Any] = {
        "served_model_name": MODEL,
        "model": ModelFiles(path=str(model), expected_config={"model_type": "qwen3"}),
        "engine": "SGLang",
        "device": Device.CPU,
        "quantization": "BF16",
        "limits": Limits(context_length=4096, max_running_requests=32, max_total_tokens=32768),
        "native_context_length": 40960,
        "shutdown": Shutdown(lame_duck_seconds=1, drain_seconds=120),
    }
    return RuntimeConfig(**(values | changes))


@dataclass
class Pod:
    """A running runtime and where to reach it."""

    process: subprocess.Popen[bytes]
    api_port: int
    management_port: int
    folder: Path

    @classmethod
    def start(cls, config: RuntimeConfig, engine_python: Path, folder: Path, **environment: str) -> Pod:
        """Start the runtime; its output goes to ``folder``."""
        api_port = management_port = free_port()
        while management_port == api_port:
            management_port = free_port()
        variables = {
            **os.environ,
            "PYTHONPATH": str(RUNTIME),
            "QWEN3_RUNTIME_API_PORT": str(api_port),
            "QWEN3_RUNTIME_MANAGEMENT_PORT": str(management_port),
            "QWEN3_ENGINE_PYTHON": str(engine_python),
            "QWEN3_TERMINATION_LOG": str(folder / "termination"),
            CONFIG_VARIABLE: config.model_dump_json(by_alias=True),
            **environment,
        }
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "qwen3_runtime"], env=variables, cwd=folder, stdout=out, stderr=err
            )
        return cls(process, api_port, management_port, folder)

    @property
    def url(self) -> str:
        """Base of the OpenAI API."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def engine_url(self) -> str:
        """Base of the engine's own API, which only this machine reaches."""
        command = next(entry["message"] for entry in self.log() if entry["message"].startswith("starting SGLang"))
        port = command.split("--port ")[1].split()[0]
        return f"http://127.0.0.1:{port}"

    def manage(self, path: str) -> tuple[int, bytes]:
        """GET on the management port; status 0 while nothing listens."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.management_port}{path}", timeout=HANG_SECONDS
            ) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""

    def report(self) -> PhaseReport:
        """``GET /phase``."""
        return PhaseReport.model_validate_json(self.manage("/phase")[1])

    def wait_for(self, phase: Phase, within: float = START_SECONDS) -> PhaseReport:
        """Wait until the pod is in ``phase``."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the runtime ended with {self.process.returncode}: {self.termination()}")
            status, body = self.manage("/phase")
            if status == 200 and (report := PhaseReport.model_validate_json(body)).phase is phase:
                return report
            time.sleep(0.1)
        raise AssertionError(f"not {phase} within {within} s, but {self.manage('/phase')}\n{self.output()[-3000:]}")

    def engine_members(self) -> list[processes.Process]:
        """Processes of the engine's session."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [member for child in children for member in processes.session_members(int(child))]

    def scheduler(self) -> int:
        """Process id of the engine's scheduler."""
        return next(member.pid for member in self.engine_members() if member.name.startswith("sglang::schedul"))

    def sglang_metric(self, name: str) -> float:
        """Sum of one of the engine's series as the management port shows it."""
        lines = self.manage("/metrics")[1].decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"sglang:{name}{{"))

    def terminate(self) -> None:
        """SIGTERM, as the kubelet sends it."""
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Make sure that nothing is left; the exit code."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            for member in self.engine_members():
                os.kill(member.pid, signal.SIGKILL)
            self.process.kill()
            raise

    def output(self) -> str:
        """The engine's lines (stdout)."""
        return (self.folder / "out").read_text(errors="replace")

    def log(self) -> list[dict[str, Any]]:
        """The runtime's own lines (stderr)."""
        return [json.loads(line) for line in (self.folder / "err").read_text().splitlines()]

    def termination(self) -> str:
        """The termination message, empty while there is none."""
        path = self.folder / "termination"
        return path.read_text(errors="replace") if path.exists() else ""
