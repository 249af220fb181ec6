"""MindIE on Ascend. Not verified on hardware: written after its documentation.

The service reads one config.json (gitcode.com/Ascend/MindIE-LLM @378c23f2,
docs/zh/user_guide/user_manual/service_parameter_configuration.md) and has no options. Its metrics are those of
src/server/endpoint/http_wrapper/prometheus_metrics.cpp.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from qwen3_runtime import engine_metrics as names
from qwen3_runtime.config import Engine, RuntimeConfig
from qwen3_runtime.engines.base import Command, Missing, Version
from qwen3_runtime.engines.translation import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qwen3_runtime.engine_metrics import EngineMetric

CONFIG_FILE = "/tmp/mindie/config.json"  # noqa: S108 - the one writable folder of the pod
_PROGRAM = "/usr/local/Ascend/mindie/latest/mindie-service/bin/mindieservice_daemon"
_START = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
_BLOCK_TOKENS = 128
"""``cacheBlockSize``, by default and at most."""
_DEFAULT_BATCH, _DEFAULT_PREFILL_BATCH, _DEFAULT_PREFILL_TOKENS, _DEFAULT_SAMPLES = 200, 50, 8192, 128
"""Of ``maxBatchSize``, ``maxPrefillBatchSize``, ``maxPrefillTokens`` and ``maxN``."""
_LOOPBACK = "127.0.0.1"
_METRICS: Mapping[EngineMetric, Source] = {
    names.REQUESTS_RUNNING: Source("num_requests_running"),
    names.REQUESTS_WAITING: Source("num_requests_waiting"),
    names.KV_CACHE_USAGE: Source("npu_cache_usage_perc"),
    names.PROMPT_TOKENS: Source("prompt_tokens_total"),
    names.GENERATED_TOKENS: Source("generation_tokens_total"),
    names.TIME_TO_FIRST_TOKEN: Source("time_to_first_token_seconds"),
    names.TIME_PER_OUTPUT_TOKEN: Source("time_per_output_token_seconds"),
    names.REQUEST_DURATION: Source("e2e_request_latency_seconds"),
}
_ERROR = re.compile(r"\[(?:ERROR|error)\]|MIE\d{2}E\w+")


class MindIE:
    """Adapter of MindIE's service."""

    name = Engine.MINDIE
    package = "mindie_llm"
    live_path = "/v2/health/ready"
    settle_path: str | None = None
    oldest_version: Version = (2,)
    worker_names: tuple[str, ...] = ("mindie_llm_back",)
    metrics = _METRICS
    keeps_connections = False
    marks_end = True
    takes_sampling = True
    counts_prompts = False
    adapter_paths: tuple[str, str] | None = None
    unsupported: Mapping[str, Missing] = {}

    def command(self, config: RuntimeConfig, port: int, version: Version) -> Command:
        """The service and its config.json."""
        del version
        return Command(
            launcher=("-c", _START, _PROGRAM),
            arguments=config.extra_args,
            environment={"MIES_CONFIG_JSON_PATH": CONFIG_FILE, "MIES_CONTAINER_IP": _LOOPBACK},
            files={CONFIG_FILE: json.dumps(config_json(config, port), indent=2)},
        )

    def thinking_limit(self, tokens: int) -> None:
        """Not documented."""
        del tokens

    def adapter_fields(self, name: str) -> None:
        """Not known of it here."""
        del name

    def error_line(self, log: Sequence[str]) -> str | None:
        """The first line with an error: those that follow report that the start failed."""
        return next((line.strip() for line in log if _ERROR.search(line)), None)


def config_json(config: RuntimeConfig, port: int) -> dict[str, Any]:
    """Content of config.json: what is required, and what differs from its default."""
    devices = config.parallelism.tensor_parallel
    return {
        "Version": "1.0.0",
        "ServerConfig": _server_config(port),
        "BackendConfig": {
            "backendName": "mindieservice_llm_engine",
            "modelInstanceNumber": 1,
            "npuDeviceIds": [list(range(devices))],
            "tokenizerProcessNumber": 8,
            "multiNodesInferEnabled": False,
            "ModelDeployConfig": _model_deploy_config(config, devices),
            "ScheduleConfig": _schedule_config(config),
        },
        "LogConfig": {"dynamicLogLevelValidHours": 2},
    }


def _server_config(port: int) -> dict[str, Any]:
    return {
        # One address and one port for requests, health and metrics is one of the four documented layouts.
        "ipAddress": _LOOPBACK,
        "managementIpAddress": _LOOPBACK,
        "port": port,
        "managementPort": port,
        "metricsPort": port,
        "allowAllZeroIpListening": False,
        # Loopback of one pod: the runtime is the only client.
        "httpsEnabled": False,
        "maxLinkNum": 1000,
        "inferMode": "standard",
        "openAiSupport": "vllm",
        "distDPServerEnabled": False,
        # The longest that can be set: it is the client who decides how long it waits.
        "tokenTimeout": 3600,
        "e2eTimeout": 65535,
    }


def _model_deploy_config(config: RuntimeConfig, devices: int) -> dict[str, Any]:
    model = {
        "modelInstanceType": "Standard",
        "modelName": config.served_model_name,
        "modelWeightPath": config.model.path,
        "worldSize": devices,
        "cpuMemSize": 0,
        "npuMemSize": -1,
        "backendType": "atb",
        "trustRemoteCode": False,
    }
    length = config.limits.context_length
    return {"maxSeqLen": length, "maxInputTokenLen": max(1, length - 1), "truncation": 0, "ModelConfig": [model]}


def _schedule_config(config: RuntimeConfig) -> dict[str, Any]:
    length = config.limits.context_length
    batch = config.limits.max_running_requests or _DEFAULT_BATCH
    return {
        "templateType": "Standard",
        "templateName": "Standard_LLM",
        "cacheBlockSize": _BLOCK_TOKENS,
        "maxPrefillBatchSize": min(_DEFAULT_PREFILL_BATCH, batch),
        # At least as many as the longest prompt has.
        "maxPrefillTokens": max(_DEFAULT_PREFILL_TOKENS, length),
        "prefillTimeMsPerReq": 150,
        "prefillPolicyType": 0,
        "decodeTimeMsPerReq": 50,
        "decodePolicyType": 0,
        "maxBatchSize": batch,
        # Of one request, beside the 512 of the default: what the context leaves.
        "maxIterTimes": length,
        "maxPreemptCount": 0,
        "maxQueueDelayMicroseconds": 5000,
        "maxN": min(_DEFAULT_SAMPLES, batch),
    }


ADAPTER = MindIE()
