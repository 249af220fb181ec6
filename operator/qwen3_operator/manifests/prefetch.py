"""The pods that bring a model to every node of its pool, before one that serves it comes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.manifests.names import prefetch_selector
from qwen3_operator.manifests.pod import pod_spec
from qwen3_operator.manifests.volumes import is_fetched
from qwen3_operator.manifests.weights import model_files
from qwen3_runtime.config import Device, Engine, Limits, RuntimeConfig

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import DeploymentSpec, Model
    from qwen3_operator.api.status import Placement, PlanStatus
    from qwen3_operator.catalog import Model as CatalogModel

API_VERSION, KIND = "apps/v1", "DaemonSet"
_RESOURCES = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
"""Next to nothing is asked for, since most of the time it only waits; plans leave room for it like for any other pod.
The page cache of what it writes counts against the limit and makes way."""
_GRACE_SECONDS = 15


def is_prefetched(model: Model) -> bool:
    """Whether nodes are to have the model before its pods."""
    return model.cache is not None and model.cache.prefetch and is_fetched(model.source)


def prefetch_spec(
    name: str,
    spec: DeploymentSpec,
    plan: PlanStatus,
    placement: Placement,
    *,
    model: CatalogModel,
    image: str,
    pull_policy: str,
) -> dict[str, Any]:
    """DaemonSetSpec: a pod on each node that pods of the placement may come to, with their image and their cache.

    Args:
        name: Of the Qwen3Deployment.
        spec: Its spec.
        plan: The plan in force.
        placement: Whose nodes.
        model: Identity of the weights.
        image: Of the pods that serve, which the node has then, too.
        pull_policy: Of the image.
    """
    config = RuntimeConfig(
        served_model_name=plan.model,
        model=model_files(spec, placement, model),
        engine=Engine(placement.engine),
        device=Device(placement.device),
        quantization=placement.quantization,
        limits=Limits(context_length=model.max_position_embeddings),
        native_context_length=model.max_position_embeddings,
        fetches_only=True,
    )
    alone = spec.model_copy(update={"model": spec.model.model_copy(update={"adapters": ()})})
    one_node = placement.model_copy(update={"nodes": 1})
    pod = pod_spec(alone, one_node, config, image=image, pull_policy=pull_policy, runtime_class=None)
    (container,) = pod["containers"]
    ports = [port for port in container["ports"] if port["name"] == "management"]
    pod["containers"] = [{**container, "name": "prefetch", "ports": ports, "resources": _RESOURCES}]
    pod["terminationGracePeriodSeconds"] = _GRACE_SECONDS
    selected = prefetch_selector(name, placement.pool)
    labels = {"app.kubernetes.io/name": "qwen3", "app.kubernetes.io/component": "prefetch", **selected}
    return {
        "selector": {"matchLabels": selected},
        # What a pod has fetched stays when it ends: nothing is lost by replacing all at a time.
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
