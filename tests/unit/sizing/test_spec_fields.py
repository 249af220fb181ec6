"""Every field of the spec has an effect on the plan, on the children or on what tenants may use."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.schema import structural
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.manifests.render import render
from qwen3_operator.settings import Settings
from qwen3_operator.sizing import plan
from qwen3_operator.tenancy.served import Served
from qwen3_runtime.config import Device, Engine
from tests.objects import merged
from tests.unit.inventory.objects import gpu_node, node
from tests.unit.sizing.given import CATALOG, PRICED

NODES = [gpu_node("g"), gpu_node("h", "NVIDIA-H200"), node("c")]
IMAGES = dict.fromkeys(Device, "engine:1")
SETTINGS = Settings(own_namespace="qwen3", identity="test", images=IMAGES, engine_images={Engine.VLLM: IMAGES})

CLAIM = {"persistentVolumeClaim": {"claimName": "adapters"}}

# Field to two values that must not lead to the same answer.
FIELDS: dict[str, tuple[Any, Any]] = {
    "model.name": ("Qwen3-8B", "Qwen3-14B"),
    "model.useCase": ("Chat", "Code"),
    "model.minimumQuality": ("Qwen3-0.6B", "Qwen3-32B"),
    "model.quantization": ("BF16", "FP8"),
    "model.contextLength": (4096, 8192),
    "model.servedName": ("one", "two"),
    "model.source.persistentVolumeClaim.claimName": ("one", "two"),
    "model.source.persistentVolumeClaim.path": ("one", "two"),
    "model.adapters": ([{"name": "a", "source": CLAIM, "rank": 8}], [{"name": "a", "source": CLAIM, "rank": 64}]),
    "model.adapterRoom.count": (1, 2),
    "model.adapterRoom.rank": (8, 64),
    "replicas": (1, 2),
    "engine.name": ("SGLang", "vLLM"),
    "engine.image": ("one:1", "two:2"),
    "engine.imagePullSecrets": (["one"], ["two"]),
    "engine.extraArgs": (["--one"], ["--two"]),
    "engine.kvCacheDataType": ("BF16", "FP8"),
    "hardware.pools": (["h200"], ["h100-80gb-hbm3"]),
    "hardware.accelerators": (["H200-SXM"], ["H100-SXM"]),
    "hardware.maxDevicesPerReplica": (1, 8),
    "hardware.maxCostPerHour": ("0.1", "100"),
    "workload.concurrency": (1, 64),
    "workload.requestsPerSecond": ("0.1", "9"),
    "workload.inputTokens.p50": (100, 20_000),
    "workload.inputTokens.p95": (100, 20_000),
    "workload.outputTokens.p50": (100, 20_000),
    "workload.outputTokens.p95": (100, 20_000),
    "slo.timeToFirstToken": ("1ms", "10s"),
    "slo.timePerOutputToken": ("1ms", "1s"),
    "slo.percentile": (50, 99),
    "optimizeFor": ("Cost", "Latency"),
    "thinking.default": ("Enabled", "Disabled"),
    "thinking.maxBudgetTokens": (100, 200),
    "tenants.allowed.all": (True, False),
    "tenants.allowed.names": (["acme"], ["other"]),
    "scheduling.queueName": ("one", "two"),
    "drainTimeoutSeconds": (10, 20),
}
DECIDED = "scaling."
"""What the autoscaler decides by: tests/unit/autoscale/test_step.py has these fields."""
HUB: dict[str, tuple[Any, Any]] = {
    "repository": ("a/one", "a/two"),
    "revision": ("one", "two"),
    "endpoint": ("https://one", "https://two"),
    "token.name": ("one", "two"),
    "token.key": ("one", "two"),
    "files": (["one"], ["two"]),
}
S3: dict[str, tuple[Any, Any]] = {
    "bucket": ("one", "two"),
    "prefix": ("one", "two"),
    "endpoint": ("https://one", "https://two"),
    "region": ("one", "two"),
    "credentialsSecret": ("one", "two"),
    "checksums": ("Required", "WhenPresent"),
    "files": (["one"], ["two"]),
}
FIELDS |= {
    f"model.source.{hub}.{field}": HUB[field] for hub in ("huggingFace", "modelScope", "modelers") for field in HUB
}
FIELDS |= {f"model.source.s3.{field}": values for field, values in S3.items()}
FIELDS |= {f"model.source.image.{field}": ("one", "two") for field in ("reference", "path")}
FIELDS |= {"model.cache.claimName": ("one", "two"), "model.cache.sizeLimit": ("1Ti", "2Ti")}
FIELDS |= {"model.cache.prefetch": (False, True)}
# Where a field works only beside others, or the two values would lead to the same devices.
LIBRARY = {"name": "Auto", "source": {"persistentVolumeClaim": {"path": "{model}"}}}
HUB_ONLY: dict[str, Any] = {"source": {"persistentVolumeClaim": None, "huggingFace": {}}}
LENGTHS = {"inputTokens": {"p95": 20_000}, "outputTokens": {"p95": 20_000}}
BESIDE: dict[str, dict[str, Any]] = {
    "model.adapterRoom.rank": {"model": {"adapterRoom": {"count": 1}}},
    "model.cache.claimName": {"model": HUB_ONLY},
    "model.cache.sizeLimit": {"model": {**HUB_ONLY, "cache": {"claimName": "cache"}}},
    "model.cache.prefetch": {"model": {**HUB_ONLY, "cache": {"claimName": "cache"}}},
    "model.useCase": {"model": LIBRARY},
    "model.minimumQuality": {"model": LIBRARY},
    "workload.requestsPerSecond": {"workload": {"inputTokens": {"p95": 900}, "outputTokens": {"p95": 900}}},
    "workload.inputTokens.p50": {"model": {"contextLength": 65_536}, "workload": LENGTHS},
    "workload.outputTokens.p50": {"model": {"contextLength": 65_536}, "workload": LENGTHS},
    "slo.percentile": {"slo": {"timeToFirstToken": "1s"}, "workload": {"concurrency": 64}},
    "hardware.maxDevicesPerReplica": {"workload": {"concurrency": 32}},
    "workload.inputTokens.p95": {"workload": {"outputTokens": {"p95": 100}, "concurrency": 8}},
    "workload.outputTokens.p95": {"workload": {"inputTokens": {"p95": 100}, "concurrency": 8}},
}
# A source beside the claim that every other case has.
SOURCES: dict[str, dict[str, Any]] = {
    "huggingFace": {"token": {"name": "t"}},
    "modelScope": {"token": {"name": "t"}},
    "modelers": {"token": {"name": "t"}},
    "s3": {"bucket": "b"},
    "image": {"reference": "i"},
}


def beside(path: str) -> dict[str, Any]:
    """Other fields that are set while one is tried."""
    kind = path.split(".")[2] if path.startswith("model.source.") else ""
    if kind in SOURCES:
        return {"model": {"source": {"persistentVolumeClaim": None, kind: SOURCES[kind]}}}
    return BESIDE.get(path, {})


def leaves(schema: dict[str, Any], path: str = "") -> list[str]:
    """Dotted paths of all fields that hold a value."""
    fields = schema.get("properties")
    if not fields:
        return [path]
    return [leaf for name, child in fields.items() for leaf in leaves(child, f"{path}.{name}" if path else name)]


def answer(path: str, value: Any) -> Any:
    """Plan, children and consent for a spec with one field set, less the plan's digest of the spec."""
    base = {"model": {"name": "Qwen3-8B", "source": {"persistentVolumeClaim": {"claimName": "weights"}}}}
    nested: Any = value
    for name in reversed(path.split(".")):
        nested = {name: nested}
    raw = merged(merged(base, beside(path)), nested)
    planned = plan(DeploymentSpec.model_validate(raw), inventory(NODES, [], CATALOG, pools=[PRICED]), CATALOG)
    if not isinstance(planned, PlanStatus):
        return planned
    planned = planned.model_copy(update={"spec_digest": ""})
    owner = {"metadata": {"name": "d", "namespace": "n", "uid": "u"}, "spec": raw}
    return planned.to_json(), render(owner, planned, SETTINGS, CATALOG), allows(raw)


def allows(raw: dict[str, Any]) -> bool:
    """Whether the tenant acme may use the deployment."""
    offered = Served({"metadata": {"name": "d", "namespace": "n"}}, DeploymentSpec.model_validate(raw), None)
    return offered.allows("acme")


def test_all_fields_are_listed() -> None:
    listed = {path for path in leaves(structural(DeploymentSpec, defaults=True)) if not path.startswith(DECIDED)}
    assert listed == set(FIELDS)


@pytest.mark.parametrize("path", FIELDS)
def test_field_has_an_effect(path: str) -> None:
    one, two = FIELDS[path]
    assert answer(path, one) == answer(path, one)
    assert answer(path, one) != answer(path, two)
