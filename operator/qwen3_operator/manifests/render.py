"""``render(deployment, plan, settings, catalog)``: the children of a Qwen3Deployment as Kubernetes manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import API_VERSION
from qwen3_operator.api.deployment import KIND, DeploymentSpec
from qwen3_operator.manifests import groups, names, prefetch
from qwen3_operator.manifests.digest import digest
from qwen3_operator.manifests.disruption import disruption_budget_spec
from qwen3_operator.manifests.network import network_policy_spec, service_spec
from qwen3_operator.manifests.pod import pod_spec
from qwen3_operator.manifests.runtime import runtime_config
from qwen3_operator.manifests.volumes import LIST_FILE, list_name, with_list
from qwen3_operator.manifests.weights import adapter_files
from qwen3_operator.settings import image_value, image_variable
from qwen3_runtime.config import MANAGEMENT_PORT, AdapterList, Device, Engine

if TYPE_CHECKING:
    from qwen3_operator.api.status import Placement, PlanStatus
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.settings import Settings

_PROGRESS_DEADLINE_SECONDS = 6 * 3600
"""Loading hundreds of gigabytes is progress too; our own conditions say what a pod is doing."""
_REVISION_HISTORY = 2


class RenderError(Exception):
    """The plan cannot become manifests for want of something that a person must set."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def render(deployment: dict[str, Any], plan: PlanStatus, settings: Settings, catalog: Catalog) -> list[dict[str, Any]]:
    """All children: a Service, a NetworkPolicy, a PodDisruptionBudget and one workload per placement, with digests.

    The workload is a Deployment, or a LeaderWorkerSet where a replica spans nodes. Beside a Deployment with LoRA
    adapters is a ConfigMap with the list of them, which its pods follow; beside each workload whose model is to be
    fetched ahead a DaemonSet that does it.

    Args:
        deployment: The Qwen3Deployment as the API server stores it.
        plan: The plan in force.
        settings: Images, runtime classes and the operator's namespace.
        catalog: Identity of the model's weights and of the devices.

    Raises:
        RenderError: ``NoEngineImage`` where neither spec nor settings name an image.
    """
    spec = DeploymentSpec.model_validate(deployment["spec"])
    name = deployment["metadata"]["name"]
    spans = any(placement.nodes > 1 for placement in plan.placements)
    children = [
        _child(deployment, "v1", "Service", name, spec=service_spec(name)),
        _child(
            deployment,
            "networking.k8s.io/v1",
            "NetworkPolicy",
            name,
            spec=network_policy_spec(name, settings.own_namespace if spec.tenants else None, groups=spans),
        ),
        _child(deployment, "policy/v1", "PodDisruptionBudget", name, spec=disruption_budget_spec(name)),
    ]
    for placement in plan.placements:
        template = _template(name, spec, plan, placement, settings=settings, catalog=catalog)
        if named := list_name(template["spec"]):
            files = AdapterList(files=adapter_files(spec, placement, catalog.models[plan.model]))
            data = {LIST_FILE: files.model_dump_json(by_alias=True, exclude_none=True)}
            children.append(_child(deployment, "v1", "ConfigMap", named, data=data))
        child = _workload(deployment, placement, template)
        child["metadata"]["labels"] |= names.pool_selector(name, placement.pool)
        if queue := spec.scheduling.queue_name:
            child["metadata"]["labels"][names.QUEUE_LABEL] = queue
        children.append(child)
        if prefetch.is_prefetched(spec.model):
            children.append(_prefetcher(deployment, spec, plan, placement, settings=settings, catalog=catalog))
    for child in children:
        child["metadata"]["annotations"] = {names.DIGEST_ANNOTATION: digest(child)}
    return children


def _child(deployment: dict[str, Any], api_version: str, kind: str, name: str, **content: Any) -> dict[str, Any]:
    owner = deployment["metadata"]
    reference = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": owner["name"],
        "uid": owner["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": owner["namespace"],
            "labels": names.common_labels(owner["name"]),
            "ownerReferences": [reference],
        },
        **content,
    }


def _workload(deployment: dict[str, Any], placement: Placement, template: dict[str, Any]) -> dict[str, Any]:
    name, update = deployment["metadata"]["name"], _rolling_update(surge=placement.surge)
    if placement.nodes > 1:
        spec = groups.group_spec(template, replicas=placement.replicas, nodes=placement.nodes, update=update)
        named = names.dns_label(name, placement.pool, longest=groups.LONGEST_NAME)
        return _child(deployment, groups.API_VERSION, groups.KIND, named, spec=spec)
    spec = {
        "replicas": placement.replicas,
        "selector": {"matchLabels": names.pool_selector(name, placement.pool)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": update},
        "progressDeadlineSeconds": _PROGRESS_DEADLINE_SECONDS,
        "revisionHistoryLimit": _REVISION_HISTORY,
        "template": template,
    }
    return _child(deployment, "apps/v1", "Deployment", names.dns_label(name, placement.pool), spec=spec)


def _prefetcher(
    deployment: dict[str, Any],
    spec: DeploymentSpec,
    plan: PlanStatus,
    placement: Placement,
    *,
    settings: Settings,
    catalog: Catalog,
) -> dict[str, Any]:
    name = deployment["metadata"]["name"]
    wanted = prefetch.prefetch_spec(
        name,
        spec,
        plan,
        placement,
        model=catalog.models[plan.model],
        image=_image(spec, placement, Device(placement.device), settings),
        pull_policy=settings.image_pull_policy,
    )
    named = names.dns_label(name, placement.pool, "prefetch")
    return _child(deployment, prefetch.API_VERSION, prefetch.KIND, named, spec=wanted)


def _template(
    name: str, spec: DeploymentSpec, plan: PlanStatus, placement: Placement, *, settings: Settings, catalog: Catalog
) -> dict[str, Any]:
    """Pod template of one placement."""
    device = Device(placement.device)
    config = runtime_config(spec, plan, placement, catalog)
    pod = pod_spec(
        spec,
        placement,
        config,
        image=_image(spec, placement, device, settings),
        pull_policy=settings.image_pull_policy,
        runtime_class=placement.runtime_class_name or settings.runtime_classes.get(device),
    )
    if config.adapters is not None and config.adapters.list_path is not None:
        # A list for each template: pods that are about to be replaced keep the one that fits their volumes.
        pod = with_list(pod, names.dns_label(name, placement.pool, digest(pod)))
    return {
        "metadata": {
            "labels": names.common_labels(name) | names.pool_selector(name, placement.pool),
            "annotations": {
                names.TEMPLATE_ANNOTATION: digest(pod),
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(MANAGEMENT_PORT),
                "prometheus.io/path": "/metrics",
            },
        },
        "spec": pod,
    }


def _rolling_update(*, surge: bool) -> dict[str, int]:
    """Without room for one pod more, waiting for it would wait for ever: one pod goes first."""
    return {"maxUnavailable": 0, "maxSurge": 1} if surge else {"maxUnavailable": 1, "maxSurge": 0}


def _image(spec: DeploymentSpec, placement: Placement, device: Device, settings: Settings) -> str:
    engine = Engine(placement.engine)
    image = spec.engine.image or placement.image or settings.image(engine, device)
    if not image:
        raise RenderError(
            "NoEngineImage",
            f"no image with {engine} for {device} devices (pool {placement.pool}): set spec.engine.image, "
            f"spec.images of an AcceleratorPool, or the operator's {image_variable(engine, device)} (chart value "
            f"{image_value(engine, device)})",
        )
    return image
