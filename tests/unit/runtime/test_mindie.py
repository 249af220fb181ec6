"""MindIE's config.json against its documented schema, and its metrics."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from qwen3_runtime.config import Device, Engine, Limits, Parallelism
from qwen3_runtime.engines.adapters.mindie import CONFIG_FILE, MindIE, config_json
from qwen3_runtime.engines.translation import translate
from tests.unit.runtime.conftest import make_config


def number(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def record(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


BOOL: dict[str, Any] = {"type": "boolean"}
PORT = number(1024, 65535)
# Required and optional parameters and their ranges, as the tables of service_parameter_configuration.md have them.
SCHEMA = record(
    {
        "Version": {"const": "1.0.0"},
        "ServerConfig": record(
            {
                "ipAddress": {"type": "string", "format": "ipv4"},
                "port": PORT,
                "allowAllZeroIpListening": BOOL,
                "maxLinkNum": number(1, 4096),
                "httpsEnabled": BOOL,
                "inferMode": {"enum": ["standard", "dmi"]},
                "distDPServerEnabled": BOOL,
            },
            {
                "managementIpAddress": {"type": "string", "format": "ipv4"},
                "managementPort": PORT,
                "metricsPort": PORT,
                "openAiSupport": {"type": "string"},
                "tokenTimeout": number(1, 3600),
                "e2eTimeout": number(1, 65535),
            },
        ),
        "BackendConfig": record(
            {
                "backendName": {"const": "mindieservice_llm_engine"},
                "modelInstanceNumber": number(1, 10),
                "npuDeviceIds": {"type": "array", "items": {"type": "array", "uniqueItems": True}},
                "tokenizerProcessNumber": number(1, 32),
                "ModelDeployConfig": record(
                    {
                        "maxSeqLen": number(1, 2**32 - 1),
                        "maxInputTokenLen": number(1, 4194304),
                        "ModelConfig": {
                            "type": "array",
                            "items": record(
                                {
                                    "modelName": {
                                        "type": "string",
                                        "maxLength": 256,
                                        "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
                                    },
                                    "modelWeightPath": {"type": "string", "minLength": 1},
                                    "worldSize": number(1, 16),
                                    "cpuMemSize": number(0, 2**32 - 1),
                                    "npuMemSize": number(-1, 2**31 - 1),
                                    "backendType": {"enum": ["atb", "torch"]},
                                },
                                {"modelInstanceType": {"enum": ["Standard", "StandardMock"]}, "trustRemoteCode": BOOL},
                            ),
                        },
                    },
                    {"truncation": {"enum": [-1, 0, 1, True, False]}},
                ),
                "ScheduleConfig": record(
                    {
                        "templateType": {"enum": ["Standard", "Mix"]},
                        "templateName": {"const": "Standard_LLM"},
                        "cacheBlockSize": number(1, 128) | {"multipleOf": 16},
                        "maxPrefillBatchSize": number(1, 819200),
                        "maxPrefillTokens": number(1, 4194304),
                        "prefillTimeMsPerReq": number(0, 1000),
                        "prefillPolicyType": {"const": 0},
                        "decodeTimeMsPerReq": number(0, 1000),
                        "decodePolicyType": {"const": 0},
                        "maxBatchSize": number(1, 819200),
                        "maxIterTimes": number(1, 2**32 - 1),
                        "maxPreemptCount": number(0, 819200),
                        "maxQueueDelayMicroseconds": number(500, 1000000),
                    },
                    {"maxN": number(1, 8192)},
                ),
            },
            {"multiNodesInferEnabled": BOOL},
        ),
        "LogConfig": record({"dynamicLogLevelValidHours": number(1, 168)}),
    }
)


def made(**changes: Any) -> dict[str, Any]:
    return config_json(make_config(**({"engine": Engine.MINDIE, "device": Device.NPU} | changes)), 30000)


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
@pytest.mark.parametrize("limits", [Limits(context_length=131072), Limits(context_length=1024, max_running_requests=7)])
def test_config_keeps_to_the_documented_schema(devices: int, limits: Limits) -> None:
    config = made(parallelism=Parallelism(tensor_parallel=devices), limits=limits)
    jsonschema.validate(config, SCHEMA, format_checker=jsonschema.FormatChecker())
    backend = config["BackendConfig"]
    deploy, schedule = backend["ModelDeployConfig"], backend["ScheduleConfig"]
    assert backend["npuDeviceIds"] == [list(range(devices))]
    assert deploy["ModelConfig"][0]["worldSize"] == devices
    assert deploy["maxInputTokenLen"] < deploy["maxSeqLen"]
    assert schedule["maxPrefillTokens"] >= deploy["maxInputTokenLen"]
    assert schedule["maxPrefillBatchSize"] <= schedule["maxBatchSize"]
    assert schedule["maxN"] <= schedule["maxBatchSize"]
    assert schedule["maxIterTimes"] <= deploy["maxSeqLen"]


def test_the_service_listens_on_loopback_alone_and_trusts_no_code() -> None:
    config = made()
    server = config["ServerConfig"]
    assert {server["ipAddress"], server["managementIpAddress"]} == {"127.0.0.1"}
    assert server["allowAllZeroIpListening"] is False
    assert config["BackendConfig"]["ModelDeployConfig"]["ModelConfig"][0]["trustRemoteCode"] is False


def test_command_brings_the_file_that_it_names() -> None:
    command = MindIE().command(make_config(engine=Engine.MINDIE, device=Device.NPU), 30000, (2, 3))
    assert command.environment["MIES_CONFIG_JSON_PATH"] == CONFIG_FILE
    assert json.loads(command.files[CONFIG_FILE])["ServerConfig"]["port"] == 30000


def test_metrics() -> None:
    text = b'num_requests_running{model_name="m"} 3\nnpu_cache_usage_perc{model_name="m"} 0.25\n'
    found = translate(text, MindIE().metrics)
    assert b"qwen3_engine_requests_running 3.0" in found
    assert b"qwen3_engine_kv_cache_usage_ratio 0.25" in found


def test_the_first_error_is_the_cause() -> None:
    log = ["Daemon is starting", "[ERROR] MIE05E01000A npu memory is not enough", "[ERROR] Failed to init endpoint!"]
    assert MindIE().error_line(log) == log[1]
    assert MindIE().error_line(log[:1]) is None
