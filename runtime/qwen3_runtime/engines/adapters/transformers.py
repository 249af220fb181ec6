"""``transformers serve``: slow, but it runs a model that no other engine knows yet.

Options and missing fields were read in transformers 5.19.0 (cli/serve.py, cli/serving/chat_completion.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.config import Device, Engine, RuntimeConfig
from qwen3_runtime.engines.base import Command, Missing, Version
from qwen3_runtime.engines.launchers import transformers_server
from qwen3_runtime.engines.template import template_flags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.engine_metrics import EngineMetric
    from qwen3_runtime.engines.translation import Source

_DEVICES: Mapping[Device, str] = {Device.CUDA: "cuda", Device.NPU: "npu", Device.CPU: "cpu"}
_IGNORED = "transformers serve would answer as if it were not there"
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception)\b.*$")


class Transformers:
    """Adapter of ``transformers serve``."""

    name = Engine.TRANSFORMERS
    package = "transformers"
    live_path = "/health"
    settle_path: str | None = None
    oldest_version: Version = (5, 19)
    worker_names: tuple[str, ...] = ()
    metrics: Mapping[EngineMetric, Source] = {}
    """It has none."""
    keeps_connections = True
    marks_end = False
    takes_sampling = False
    counts_prompts = False
    adapter_paths: tuple[str, str] | None = None
    unsupported: Mapping[str, Missing] = {
        "response_format": Missing(_IGNORED, harmless=({"type": "text"},)),
        "tool_choice": Missing(_IGNORED, harmless=("auto",)),
        "stop": Missing("transformers serve leaves the stop text in the answer"),
        "n": Missing(_IGNORED, harmless=(1,)),
        "logprobs": Missing(_IGNORED, harmless=(False,)),
        "presence_penalty": Missing(_IGNORED, harmless=(0,)),
        "max_completion_tokens": Missing(f"{_IGNORED}; max_tokens is understood"),
    }

    def command(self, config: RuntimeConfig, port: int, version: Version) -> Command:
        """Options of the server and the environment they need."""
        del version
        threads = {"OMP_NUM_THREADS": "1"} if config.device is Device.CPU else {}
        return Command(
            launcher=(str(Path(transformers_server.__file__)),),
            arguments=(
                *("--model", config.model.path, "--served-model-name", config.served_model_name),
                *("--host", "127.0.0.1", "--port", str(port)),
                *("--device", _DEVICES[config.device]),
                *template_flags("--chat-template-kwargs", config),
                *config.extra_args,
            ),
            environment={"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", **threads},
        )

    def thinking_limit(self, tokens: int) -> None:
        """It has no such field."""
        del tokens

    def adapter_fields(self, name: str) -> None:
        """It has none."""
        del name

    def error_line(self, log: Sequence[str]) -> str | None:
        """The last exception."""
        return next((line.strip() for line in reversed(log) if _EXCEPTION.match(line)), None)


ADAPTER = Transformers()
