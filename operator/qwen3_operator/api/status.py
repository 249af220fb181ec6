"""``Qwen3Deployment``: what the operator found and did (``status``)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from qwen3_operator.api.base import ApiModel, as_atomic, as_map
from qwen3_operator.api.decision import Change, Decision  # noqa: TC001  # pydantic reads them at run time
from qwen3_runtime.sources import WeightsOrigin  # noqa: TC001  # likewise


class ConditionType(StrEnum):
    """Conditions. ``Ready`` sums up the first three; those after it leave it alone."""

    PLANNED = "Planned"
    SCHEDULED = "Scheduled"
    WEIGHTS_READY = "WeightsReady"
    READY = "Ready"
    PLAN_OUTDATED = "PlanOutdated"
    OFFERED = "Offered"
    AUTOSCALING = "Autoscaling"
    ADAPTERS_SERVED = "AdaptersServed"


class ConditionStatus(StrEnum):
    """As in ``metav1.Condition``."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """``metav1.Condition``."""

    type: str
    """Stable CamelCase word, e.g. Ready."""
    status: ConditionStatus
    """True, False or Unknown."""
    observed_generation: int
    """metadata.generation that this was found for."""
    last_transition_time: str
    """RFC 3339; moves only when the status changes."""
    reason: str
    """Stable CamelCase word."""
    message: str
    """One sentence that a person can act on."""


class MemoryPlan(ApiModel):
    """Memory of one device in bytes; the parts add up to ``total``."""

    total: int
    """What the device has."""
    weights: int
    """Its part of the model."""
    adapters: int = 0
    """Room for LoRA adapters."""
    kv_cache: int
    """Keys and values of the tokens in flight."""
    state: int = 0
    """Recurrent state of the requests in flight; hybrid models only."""
    activations: int
    """The engine's reserve for activations and graphs."""
    overhead: int
    """What the driver and the processes take."""
    free: int
    """What is left over."""


class Toleration(ApiModel):
    """As in a PodSpec."""

    key: str
    """Key of the taint."""
    operator: str = "Exists"
    """Exists or Equal."""
    value: str | None = None
    """Value of the taint, with Equal."""
    effect: str | None = None
    """Effect of the taint; empty: any."""


class NodeRequirement(ApiModel):
    """One entry of ``requiredDuringSchedulingIgnoredDuringExecution...matchExpressions`` of a node affinity."""

    key: str
    """Key of a node label."""
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: Annotated[tuple[str, ...], as_atomic()] = ()
    """For In and NotIn."""


class Predicted(ApiModel):
    """Speed of one replica under its share of the load."""

    concurrency: int
    """Requests in flight on the replica that the times are for."""
    time_to_first_token: str
    """Mean, e.g. 412ms. Of models that embed or rank texts: of the whole request."""
    time_to_first_token_percentile: str
    """At spec.slo.percentile, which spec.slo.timeToFirstToken is compared with."""
    time_per_output_token: str = ""
    """Mean, e.g. 21.4ms. Empty where the model writes no tokens."""
    tokens_per_second: int | None = None
    """Tokens that the replica generates per second for all requests together. Absent where the model writes none."""
    input_tokens_per_second: int | None = None
    """Prompt tokens that the replica reads per second, where the model embeds or ranks texts."""
    max_concurrency: int
    """Most requests in flight on the replica for which memory suffices and spec.slo is met."""
    source: str
    """How the means are known: measured (calibrated on measured rows of this kind), calculated, reported (the time per
    token, by somebody else) or unknown. Times at a percentile are calculated."""


class Binding(ApiModel):
    """What keeps the plan from being smaller."""

    constraint: str
    """KVCache, Weights, RecurrentState, TimeToFirstToken, TimePerOutputToken, MaxRunningRequests, Latency, Devices or
    Price."""
    message: str
    """The arithmetic."""


class Offload(ApiModel):
    """How a model that is too large for its device is split between device and host (llama.cpp)."""

    device_layers: int
    """On the device, the output head counted as one."""
    layers: int
    """Of the model, the output head counted as one."""
    host_memory: int
    """Bytes of weights and KV cache in the host's memory."""


class Placement(ApiModel):
    """Replicas of one shape in one pool; becomes one child workload."""

    pool: str
    """Name of the pool: an administrator's label, else derived from the nodes."""
    accelerator: str
    """Catalog name."""
    device: str
    """cuda, npu, rocm or cpu."""
    resource_name: str = ""
    """Extended resource that the pods ask for, e.g. nvidia.com/gpu. Empty on CPU pools."""
    engine: str = "SGLang"
    """Inference engine in the pods."""
    quantization: str
    """Format of the weights."""
    tensor_parallel: int
    """Devices that share one copy of the model."""
    expert_parallel: int
    """Groups into which the experts are spread; 1 for dense models."""
    data_parallel: int = 1
    """Groups of the tensor parallel devices that keep attention and KV cache of their own requests."""
    kv_cache_data_type: str = "BF16"
    """Number format of the KV cache."""
    nodes: int
    """Nodes of one replica."""
    devices_per_replica: int
    """Devices of one replica; 1 on CPU pools."""
    memory: MemoryPlan
    """Per device."""
    offload: Offload | None = None
    """Where a part of the model lies in the host's memory and is computed by its processor."""
    kv_cache_tokens: int
    """Tokens of KV cache that one replica holds."""
    max_running_requests: int = 0
    """Requests that the engine runs at a time at most, by its own rule."""
    max_concurrency: int
    """Requests of the asked-for length that one replica holds at a time."""
    predicted: Predicted | None = None
    """Speed under the load; absent where nothing is known of the hardware's speed."""
    cost_per_hour: str = ""
    """Of all replicas in this pool; empty where the pool has no price."""
    surge: bool
    """Room for one replica more was free when this was planned: a change starts the new pod before the old ends."""
    replicas: int
    """Replicas that run in this pool."""
    cpu_request: str
    """Kubernetes quantity that the pod requests, e.g. 500m."""
    memory_request: str
    """Kubernetes quantity of host memory that the pod requests; also its limit on CPU pools, where weights and KV
    cache lie in it."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that all nodes of the pool have."""
    node_requirements: Annotated[tuple[NodeRequirement, ...], as_atomic()] = ()
    """What keeps the pods off nodes that carry the same labels and belong to another pool; all must hold."""
    tolerations: Annotated[tuple[Toleration, ...], as_atomic()] = ()
    """For the taints of accelerator nodes that nodes of the pool carry, and those that its AcceleratorPool states."""
    runtime_class_name: str = ""
    """RuntimeClass of the pods, where the pool's AcceleratorPool names one."""
    image: str = ""
    """Runtime image, where the pool's AcceleratorPool names one for the engine."""
    shared_device: bool = False
    """The devices are time-sliced: the engine is told how much KV cache it may have."""
    source: str = "calculated"
    """measured, calculated or unknown."""


class Rejection(ApiModel):
    """A candidate that was looked at and not taken."""

    candidate: str
    """e.g. "pool h100, FP8, TP 4"."""
    reason: str
    """Stable CamelCase word, e.g. OutOfMemory."""
    number: str
    """The arithmetic, e.g. "needs 91.2 GB per device, has 79.6 GB"."""


class PlanStatus(ApiModel):
    """What was chosen, and why nothing else."""

    model: str
    """Catalog name."""
    context_length: int
    """Longest prompt plus answer, in tokens."""
    catalog_version: str
    """Digest of the catalog that the plan was made with."""
    spec_digest: str
    """Digest of the planning-relevant part of spec; the plan is kept while it stays the same."""
    summary: str
    """The choice in words and numbers."""
    binding: Binding | None = None
    """What keeps the plan from being smaller."""
    cost_per_hour: str = ""
    """Of all replicas; empty where a pool has no price."""
    placements: Annotated[tuple[Placement, ...], as_map("pool")]
    """Where replicas run, one entry per pool."""
    rejected: Annotated[tuple[Rejection, ...], as_atomic()] = ()
    """The nearest ones first, at most 16."""
    rejected_counts: dict[str, int] = Field(default_factory=dict)
    """How many candidates fell for each reason."""


class WeightsProgress(ApiModel):
    """How far a pod has fetched its weights."""

    percent: int
    """Of the bytes."""
    bytes_done: int
    """On the disk, those of earlier attempts included."""
    bytes_total: int
    """Of all files."""
    bytes_per_second: int = 0
    """Over the last seconds."""
    seconds_left: int | None = None
    """At that rate; absent while nothing comes."""


class StartupPhase(ApiModel):
    """One step from the apply to the first token of the first pod of the current plan."""

    phase: str
    """Planned, Scheduled, ContainerStarted, WeightsFetched (from a hub or s3), WeightsChecked, EngineStarted or
    FirstToken."""
    started_at: str
    """RFC 3339."""
    finished_at: str | None = None
    """RFC 3339; absent until it has succeeded."""
    weights: WeightsOrigin | None = None
    """Of WeightsFetched: how the model's came, where they are fetched. Cache: a warm start, they lay in
    spec.model.cache. OtherPod: another pod fetched them meanwhile. Source: this pod did."""
    progress: WeightsProgress | None = None
    """Of WeightsFetched while it runs; written with each percent, and when it stalls or goes on."""


class CapacitySource(StrEnum):
    """Where the best known capacity of a placement comes from, the weakest first."""

    TABLE = "Table"
    """Predicted from the catalog."""
    CALIBRATED = "Calibrated"
    """The engine said at its start what memory it has."""
    OBSERVED = "Observed"
    """And its latency under load was seen."""


class Compared(ApiModel):
    """A number as the engine has it, beside the plan's."""

    predicted: int | None = None
    """By the plan, for the same load; absent where it makes no prediction."""
    found: int
    """By the engine's metrics."""
    error: str = ""
    """Of the prediction, e.g. +3.2%."""


class Capacity(ApiModel):
    """What one replica of a placement can do."""

    pool: str
    """Pool of the placement."""
    source: CapacitySource
    """Table, Calibrated or Observed."""
    kv_cache_tokens: Compared | None = None
    """Tokens of KV cache of one replica."""
    weight_bytes: Compared | None = None
    """Weights on one device."""
    max_concurrency: Compared | None = None
    """Requests of the asked-for length that the KV cache holds at a time."""
    time_to_first_token_milliseconds: Compared | None = None
    """Mean under the load that was seen."""
    time_per_output_token_microseconds: Compared | None = None
    """Mean under the load that was seen."""
    running_requests: int | None = None
    """Mean number of requests in flight on the replica while its latency was seen."""


class AdapterStatus(ApiModel):
    """One LoRA adapter in the pods that serve."""

    name: str
    """As in spec.model.adapters."""
    state: str
    """Served: by every ready pod, as it is listed. Else what the first pod that does not is at: Pending (it has not
    seen the list yet), Fetching, Loading, Unloading (an older version ends), Invalid."""
    reason: str = ""
    """Stable CamelCase word, where the adapter is invalid."""
    message: str = ""
    """What was found and what is wanted."""
    pods: int = 0
    """Ready pods that answer to the name. The gateway routes requests to the adapter when there is one."""
    lacking: int = 0
    """Ready pods that do not."""


class Prefetch(ApiModel):
    """How far spec.model.cache.prefetch is."""

    nodes: int
    """Nodes that pods of the plan may come to."""
    ready: int
    """Of them, those that have the model."""


class DeploymentStatus(ApiModel):
    """Observed state of a Qwen3Deployment."""

    observed_generation: int = 0
    """metadata.generation that this status was found for."""
    conditions: Annotated[tuple[Condition, ...], as_map("type")] = ()
    """Planned, Scheduled, WeightsReady and Ready, which sums them up; PlanOutdated says that a better plan exists,
    Offered, with spec.tenants, whether tenants reach it through the gateway, Autoscaling, unless spec.scaling.mode is
    Off, that replicas are decided upon, or why not; AdaptersServed, with spec.model.adapters, whether every ready pod
    serves them as they are listed."""
    plan: PlanStatus | None = None
    """The plan in force."""
    replicas: int = 0
    """Pods that exist, for the scale subresource."""
    ready_replicas: int = 0
    """Pods that serve."""
    updated_replicas: int = 0
    """Pods that follow the current spec, whether they serve yet or not."""
    selector: str = ""
    """Label selector of the pods, for the scale subresource."""
    url: str = ""
    """Base URL for OpenAI clients inside the cluster."""
    capacity: Annotated[tuple[Capacity, ...], as_map("pool")] = ()
    """What one replica can do, one entry per placement of the plan, and how far the plan's numbers are off."""
    decision: Decision | None = None
    """What the autoscaler decided last; absent where spec.scaling.mode is Off."""
    decisions: Annotated[tuple[Change, ...], as_atomic()] = ()
    """The last ten decisions that changed the number of replicas, the newest first."""
    replanned: str = ""
    """Value of the annotation serving.qwen3.io/replan that was acted on last."""
    adapters: Annotated[tuple[AdapterStatus, ...], as_map("name")] = ()
    """How each LoRA adapter is served."""
    prefetch: Prefetch | None = None
    """How many nodes have the model already; absent without spec.model.cache.prefetch."""
    startup: Annotated[tuple[StartupPhase, ...], as_map("phase")] = ()
    """How long each step from the apply to the first token took."""
    # For the printer columns, which neither look into lists nor join two fields:
    model: str = ""
    """Model of the plan; without a plan what spec.model.name asks for."""
    ready: str = ""
    """Replicas that serve, of the newest template or not, of those wanted, e.g. 1/2; 2/1 while one makes way."""
    accelerator: str = ""
    """Accelerator of the first placement."""
    quantization: str = ""
    """Quantization of the first placement."""
    tensor_parallel: int | None = None
    """Tensor parallel size of the first placement."""
