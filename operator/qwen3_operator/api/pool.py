"""``AcceleratorPool``: what an administrator knows of nodes and their labels do not say."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qwen3_operator.api.base import POOL_LABEL, ApiModel, Rule, as_atomic, as_map
from qwen3_operator.api.status import Condition  # noqa: TC001  # pydantic reads it at run time
from qwen3_runtime.config import Engine

KIND = "AcceleratorPool"
PLURAL = "acceleratorpools"
SHORT_NAME = "acp"

ENGINES = tuple(engine.value for engine in Engine)
"""Engines that an image can be named for."""
MAX_NAME_LENGTH = 63
"""Of metadata.name: spec.hardware.pools of a Qwen3Deployment names pools."""

LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
ImageReference = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^\S+$")]


class PoolToleration(ApiModel):
    """As in a PodSpec."""

    key: Annotated[str, Field(min_length=1, max_length=317)]
    """Key of the taint."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """Exists: any value. Equal: the one named."""
    value: LabelValue | None = None
    """Value of the taint, with Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint. Empty: any."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.operator == 'Equal' || !has(self.value)",
            "spec.tolerations: operator Exists takes no value: remove it, or set operator: Equal",
            good={"tolerations": [{"key": "team", "operator": "Equal", "value": "a"}]},
            bad={"tolerations": [{"key": "team", "operator": "Exists", "value": "a"}]},
        ),
    )


class PoolSpec(ApiModel):
    """Which nodes, and what is not to be seen on them. What is left out is discovered."""

    node_selector: Annotated[dict[str, LabelValue], Field(max_length=16)] = Field(default_factory=dict)
    """Labels of the pool's nodes. Empty: nodes labelled serving.qwen3.io/pool with the name of this object."""
    accelerator: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Catalog name of the devices, e.g. H100-SXM, where labels do not tell it or tell it wrong."""
    resource_name: Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")] | None = None
    """Extended resource that stands for one device, e.g. huawei.com/Ascend910B3."""
    memory_per_device: Annotated[str, Field(max_length=16, pattern=r"^[1-9][0-9]*(Mi|Gi)$")] | None = None
    """Memory of one device, e.g. 65536Mi. On time-sliced GPUs: what one replica may take."""
    price_per_device_hour: Annotated[str, Field(max_length=16, pattern=r"^[0-9]+(\.[0-9]+)?$")] | None = None
    """Price of one device for one hour, e.g. "2.49", in the same currency for all pools. Zero is a price; without
    one the pool is never compared by cost."""
    tolerations: Annotated[tuple[PoolToleration, ...], Field(max_length=16), as_atomic()] = ()
    """For taints of the pool's nodes. Those of accelerators are known and need not be listed."""
    runtime_class_name: (
        Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")] | None
    ) = None
    """RuntimeClass of the pool's pods, e.g. nvidia. Default: the operator's for the kind of device."""
    images: Annotated[dict[str, ImageReference], Field(max_length=8)] = Field(default_factory=dict)
    """Runtime image by engine, e.g. SGLang: registry.example.com/runtime:910b. Default: the operator's for the kind
    of device. spec.engine.image of a Qwen3Deployment comes first."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"!has(self.images) || self.images.all(engine, engine in {list(ENGINES)})",
            f"spec.images may name images for {', '.join(ENGINES)}",
            good={"images": {"SGLang": "registry.example.com/runtime:1"}},
            bad={"images": {"sglang": "registry.example.com/runtime:1"}},
        ),
        Rule(
            "!has(self.accelerator) || self.accelerator != 'CPU' || "
            "(!has(self.resourceName) && !has(self.memoryPerDevice))",
            "spec.accelerator CPU has no devices: remove spec.resourceName and spec.memoryPerDevice",
            good={"accelerator": "CPU", "pricePerDeviceHour": "0.10"},
            bad={"accelerator": "CPU", "resourceName": "example.com/cpu"},
        ),
    )


class PoolStatus(ApiModel):
    """Observed state of an AcceleratorPool."""

    observed_generation: int = 0
    """metadata.generation that this status was found for."""
    conditions: Annotated[tuple[Condition, ...], as_map("type")] = ()
    """Ready: its nodes can be planned on."""
    nodes: int = 0
    """Nodes that can be planned on."""
    unused_nodes: int = 0
    """Nodes that it selects and that cannot be planned on; the condition says why."""
    devices: int = 0
    """Devices of the usable nodes."""
    free_devices: int = 0
    """Devices that no pod has requested."""
    accelerator: str = ""
    """Catalog name of the devices, as stated or discovered; with the share where they are parts of devices."""
    memory_per_device: str = ""
    """Memory of one device, the smallest of the pool."""


class AcceleratorPool(ApiModel):
    """Names a pool of nodes, or corrects what was discovered of it: price, tolerations, runtime class, images."""

    spec: PoolSpec
    """Which nodes, and what is known of them."""
    status: PoolStatus = PoolStatus()
    """What was found."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"metadata.name must be at most {MAX_NAME_LENGTH} characters: deployments name pools",
            good={"metadata": {"name": "n" * MAX_NAME_LENGTH}},
            bad={"metadata": {"name": "n" * (MAX_NAME_LENGTH + 1)}},
        ),
    )


def selector(name: str, spec: PoolSpec) -> dict[str, str]:
    """Labels of the nodes of the pool called ``name``."""
    return dict(spec.node_selector) or {POOL_LABEL: name}
