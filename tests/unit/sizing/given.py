"""Specs and clusters for tests of the planner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.catalog import load_catalog
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import PlanFailure, plan
from tests.objects import merged

if TYPE_CHECKING:
    from tests.unit.inventory.objects import Object

CATALOG = load_catalog()
LIBRARY = {"persistentVolumeClaim": {"claimName": "library", "path": "{model}/{quantization}"}}
"""A source that holds every model in every format."""
PRICED = {
    "metadata": {"name": "h100-80gb-hbm3"},
    "spec": {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}, "pricePerDeviceHour": "2.5"},
}
"""An AcceleratorPool of the nodes that objects.gpu_node makes."""


def spec(name: str = "Qwen3-32B", /, **over: Any) -> DeploymentSpec:
    """A minimal spec with ``over`` merged in, as JSON."""
    base = {"model": {"name": name, "source": {"persistentVolumeClaim": {"claimName": "weights"}}}}
    return DeploymentSpec.model_validate(merged(base, over))


def planned(asked: DeploymentSpec, *nodes: Object, pods: tuple[Object, ...] = ()) -> PlanStatus:
    """The plan; the test fails with the planner's words where there is none."""
    answer = plan(asked, inventory(nodes, pods, CATALOG), CATALOG)
    assert isinstance(answer, PlanStatus), answer
    return answer


def failed(asked: DeploymentSpec, *nodes: Object, pods: tuple[Object, ...] = ()) -> PlanFailure:
    """The failure; the test fails with the plan where there is one."""
    answer = plan(asked, inventory(nodes, pods, CATALOG), CATALOG)
    assert isinstance(answer, PlanFailure), answer
    return answer
