"""The contract between operator and runtime: what a pod is to serve, in no engine's words.

The operator writes one `RuntimeConfig` as JSON into the environment variable ``QWEN3_RUNTIME_CONFIG`` of the pod
template, so that a pod's configuration changes only together with the pod. The adapter of the engine that lies in
the image turns it into that engine version's flags.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from qwen3_runtime.contract import Contract
from qwen3_runtime.sources import FetchProgress, WeightsOrigin, WeightSource  # noqa: TC001  # pydantic needs them

CONFIG_VARIABLE = "QWEN3_RUNTIME_CONFIG"
GROUP_RANK_VARIABLE = "QWEN3_GROUP_RANK"
"""In a group of pods, this pod's rank; 0 is the leader."""
GROUP_LEADER_VARIABLE = "QWEN3_GROUP_LEADER"
"""In a group of pods, the leader's host name."""
API_PORT = 8080
"""OpenAI API of the pod: the only port that reaches the engine."""
MANAGEMENT_PORT = 8081
"""Probes (``/livez``, ``/readyz``), ``/phase`` and ``/metrics``: nothing here reaches the engine's API."""


class Engine(StrEnum):
    """Inference engine, by the name that users, catalog, images and pods know it by."""

    SGLANG = "SGLang"
    VLLM = "vLLM"
    LLAMA_CPP = "LlamaCpp"
    TRANSFORMERS = "Transformers"
    MINDIE = "MindIE"


class Device(StrEnum):
    """Kind of device that the engine computes on."""

    CUDA = "cuda"
    NPU = "npu"
    ROCM = "rocm"
    CPU = "cpu"


class Thinking(StrEnum):
    """Whether a request that does not say so itself makes the model think first."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


class Task(StrEnum):
    """What the model gives."""

    GENERATE = "Generate"
    EMBED = "Embed"
    RERANK = "Rerank"


class ThinkingMode(StrEnum):
    """When a model thinks, by its training."""

    HYBRID = "Hybrid"
    """When the request or the default says so."""
    ALWAYS = "Always"
    NEVER = "Never"


class ToolCallFormat(StrEnum):
    """How a model writes tool calls."""

    JSON = "JSON"
    """A JSON object between ``<tool_call>`` tags (Hermes)."""
    XML = "XML"
    """``<function=...>`` and ``<parameter=...>`` inside the tags (Qwen3-Coder and later families)."""


class ModelCache(Contract):
    """The volume keeps models and adapters of several pods, also of those that are gone."""

    size_limit_bytes: Annotated[int, Field(ge=1)] | None = None
    """Of all fetched models in it: above that the least recently used ones go. None: nothing is ever removed."""


class ModelFiles(Contract):
    """Where the weights lie in the pod and what their ``config.json`` must say."""

    path: str
    """Folder of the model. With a source, it is made in its parent, which must be a writable volume."""
    source: WeightSource | None = None
    """Fetched to ``path`` before the engine starts; None: they are there, or somebody else brings them."""
    cache: ModelCache | None = None
    """Of the model and of adapters that are fetched. None, which leaves no trace in the pod template: their volume is
    the pod's own, or nothing is fetched."""
    expected_config: dict[str, int | str | bool] = Field(default_factory=dict)
    """Keys of ``config.json`` (top level) and the values that identify the model, e.g. ``hidden_size``."""


class AdapterFiles(Contract):
    """One LoRA adapter: the name that requests call it by, and where it lies."""

    name: str
    path: str
    """Folder of adapter_config.json and adapter_model.safetensors."""
    source: WeightSource | None = None
    """As of the model."""


class AdapterList(Contract):
    """Content of the file at `Adapters.list_path`."""

    files: tuple[AdapterFiles, ...]


class Adapters(Contract):
    """LoRA adapters that are served beside the model. The engine makes the same room for each, whatever it holds."""

    rank: Annotated[int, Field(ge=1)]
    """The largest that there is room for."""
    slots: Annotated[int, Field(ge=1)] | None = None
    """How many there is room for. None: as many as ``files``."""
    targets: tuple[str, ...]
    """Layers that they may change, by the last part of their names, e.g. ``q_proj``."""
    base_models: tuple[str, ...] = ()
    """Repositories of the model: what adapters say that they were trained on."""
    files: tuple[AdapterFiles, ...] = ()
    list_path: str | None = None
    """File with an `AdapterList` that counts instead of ``files`` and is followed while the pod runs. None: ``files``
    are served as long as the pod is there."""

    @property
    def room(self) -> int:
        """Adapters at a time."""
        return self.slots or len(self.files)


class Parallelism(Contract):
    """Devices of one replica. ``tensor_parallel`` counts all devices that hold one copy of the model."""

    tensor_parallel: Annotated[int, Field(ge=1)] = 1
    expert_parallel: Annotated[int, Field(ge=1)] = 1
    data_parallel: Annotated[int, Field(ge=1)] | None = None
    """Groups of these devices that keep attention and KV cache of their own requests. None, which leaves no trace in
    the pod template: one."""


class Group(Contract):
    """Pods that are one replica together, each on a node of its own with an equal part of the devices."""

    nodes: Annotated[int, Field(ge=2)]
    port: int = 20000
    """Where the members meet, on the leader."""
    rank: Annotated[int, Field(ge=0)] = 0
    """Of this pod; the leader's is 0. The template is one for all: this and the leader's name come from the pod's own
    environment."""
    leader: str = ""
    """Host name of the leader."""

    @property
    def leads(self) -> bool:
        """Whether this pod answers for the group."""
        return self.rank == 0


class Npus(Contract):
    """The Ascend devices that a pod was planned with: what it checks before it starts anything."""

    resource: str
    """Extended resource that the pod asks for, e.g. ``huawei.com/Ascend910``."""
    devices: Annotated[int, Field(ge=1)]
    """Of this pod."""
    chips: tuple[str, ...] = ()
    """Names that npu-smi may print for them, e.g. ``910B3``. None: not known, and not checked."""
    memory_mib: Annotated[int, Field(ge=0)]
    """Of one device, in MiB, as planned with."""
    oldest_cann: str = ""
    """That the engine takes. Empty: not known, and not checked."""


class KVCacheDataType(StrEnum):
    """Number format of the KV cache."""

    BF16 = "BF16"
    FP8 = "FP8"


class Limits(Contract):
    """What one replica accepts. ``None`` leaves the choice to the engine."""

    context_length: Annotated[int, Field(ge=1)]
    max_running_requests: Annotated[int, Field(ge=1)] | None = None
    max_total_tokens: Annotated[int, Field(ge=1)] | None = None
    """Tokens of KV cache. Set where the engine would otherwise take all memory it finds (CPU)."""


class Shutdown(Contract):
    """Seconds of the two parts of an orderly end, both counted from SIGTERM."""

    lame_duck_seconds: Annotated[float, Field(ge=0)] = 10
    """New requests are still served while the endpoint is being removed from the Service: until none has come for so
    long, at most twice as long."""
    drain_seconds: Annotated[float, Field(ge=0)] = 120
    """Running requests may finish; whatever still runs afterwards is cut with an error event."""


class SamplingValues(Contract):
    """How tokens are drawn; None leaves a value to the engine."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None


class Sampling(Contract):
    """What requests get that do not say."""

    thinking: SamplingValues | None = None
    """Where the answer begins with a thought."""
    answering: SamplingValues | None = None
    """Where it does not."""


class RuntimeConfig(Contract):
    """Everything that the pod of one replica needs to know."""

    served_model_name: str
    model: ModelFiles
    engine: Engine
    """Which adapter. The engine's version is read from the image."""
    extra_args: tuple[str, ...] = ()
    """Passed to the engine as they are, after the derived ones."""
    device: Device
    quantization: str
    """Name in the catalog, e.g. ``BF16`` or ``FP8``."""
    parallelism: Parallelism = Parallelism()
    group: Group | None = None
    """None, which leaves no trace in the pod template: the pod is a replica alone."""
    npus: Npus | None = None
    """None, which leaves no trace in the pod template: the devices are not Ascend's."""
    device_layers: Annotated[int, Field(ge=0)] | None = None
    """Layers on the device, the output head counted as one; the rest is computed by the host's processor (llama.cpp).
    None: all."""
    kv_cache_data_type: KVCacheDataType | None = None
    """None leaves the choice to the engine: the model's own type."""
    limits: Limits
    native_context_length: Annotated[int, Field(ge=1)]
    """Above it the adapter sets up YaRN."""
    thinking: Thinking = Thinking.ENABLED
    """What a request to a hybrid model gets that does not say."""
    max_thinking_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens of a thought, the tags around it included. None: no limit, and requests cannot set one."""
    sampling: Sampling | None = None
    # None stands for the first value and leaves no trace in the pod template.
    task: Task | None = None
    thinking_mode: ThinkingMode | None = None
    tool_call_format: ToolCallFormat | None = None
    adapters: Adapters | None = None
    """None, which leaves no trace in the pod template: the model alone."""
    shutdown: Shutdown = Shutdown()
    fetches_only: bool | None = None
    """Bring the model and keep it where it is, in use, until the end. None, which leaves no trace in the pod template:
    serve it."""

    @property
    def names(self) -> tuple[str, ...]:
        """What requests may carry in "model": the model's own name, then those of its adapters."""
        return (self.served_model_name, *(adapter.name for adapter in self._adapters))

    @property
    def fetched(self) -> tuple[tuple[WeightSource, str], ...]:
        """Every source that this pod fetches, and the folder that it becomes."""
        files = [(self.model.source, self.model.path), *((one.source, one.path) for one in self._adapters)]
        return tuple((source, path) for source, path in files if source is not None and not source.offline)

    @property
    def _adapters(self) -> tuple[AdapterFiles, ...]:
        return self.adapters.files if self.adapters else ()

    @property
    def answers(self) -> bool:
        """Whether this pod takes requests: it is a replica alone, or the leader of a group."""
        return not self.fetches_only and (self.group is None or self.group.leads)


class Phase(StrEnum):
    """Where a pod is on its way to the first token. Values are shown to users and never renamed."""

    CHECKING_DEVICES = "CheckingDevices"
    """Ascend only: are driver, devices and network those that were planned with?"""
    FETCHING_WEIGHTS = "FetchingWeights"
    VERIFYING_WEIGHTS = "VerifyingWeights"
    """All bytes are there; the last checksums are being computed."""
    CHECKING_WEIGHTS = "CheckingWeights"
    WEIGHTS_INVALID = "WeightsInvalid"
    """The folder lacks something; it is looked at again every few seconds until it is complete."""
    STARTING_ENGINE = "StartingEngine"
    WARMING_UP = "WarmingUp"
    """The engine answers; the runtime waits for a first token."""
    READY = "Ready"
    DRAINING = "Draining"
    FAILED = "Failed"


class PhaseRecord(Contract):
    """One finished or running phase; times are RFC 3339 in UTC."""

    phase: Phase
    started_at: str
    finished_at: str | None = None


class AdapterState(StrEnum):
    """Where an adapter is that a running pod was told of. Values are shown to users and never renamed."""

    FETCHING = "Fetching"
    LOADING = "Loading"
    SERVED = "Served"
    UNLOADING = "Unloading"
    """Its name is not served any more; its last requests run."""
    INVALID = "Invalid"
    """It lacks something, is not of this model, or the engine refused it. It is looked at again every few seconds."""


class AdapterReport(Contract):
    """One LoRA adapter in one pod."""

    name: str
    state: AdapterState
    reason: str = ""
    message: str = ""
    """As of the pod."""
    path: str = ""
    """Folder of what is served; empty where nothing is served under the name."""


class PhaseReport(Contract):
    """Body of ``GET /phase`` on the management port, read by the operator while a pod is not ready."""

    phase: Phase
    reason: str = ""
    """Stable CamelCase word, e.g. ``FileMissing``, ``ConfigMismatch``, ``IndexIncomplete``, ``FileTruncated``."""
    message: str = ""
    """One sentence with the path and what was found."""
    progress: FetchProgress | None = None
    """While weights are fetched and afterwards; None where nothing is to be fetched."""
    weights_origin: WeightsOrigin | None = None
    """None until they are there, and where nothing is to be fetched."""
    warnings: tuple[str, ...] = ()
    """What the check of the devices could not find out, or found and let pass."""
    adapters: tuple[AdapterReport, ...] = ()
    """Of a pod that follows a list: before it is ready those that it starts without."""
    history: tuple[PhaseRecord, ...] = ()


class TerminationReason(StrEnum):
    """First word of the termination message: ``<reason>: <sentence>``, then the engine's last log lines."""

    ENGINE_START_FAILED = "EngineStartFailed"
    ENGINE_DIED = "EngineDied"
    ENGINE_HUNG = "EngineHung"
    OUT_OF_MEMORY = "OutOfMemory"
    CONFIG_INVALID = "ConfigInvalid"
    # Of the check of Ascend devices, before anything is fetched or started.
    ARCHITECTURE_MISMATCH = "ArchitectureMismatch"
    DEVICE_MISSING = "DeviceMissing"
    DEVICE_FORBIDDEN = "DeviceForbidden"
    RESOURCE_MISMATCH = "ResourceMismatch"
    DEVICE_MISMATCH = "DeviceMismatch"
    DEVICE_MEMORY_MISMATCH = "DeviceMemoryMismatch"
    CANN_TOO_OLD = "CannTooOld"
    DRIVER_TOO_OLD = "DriverTooOld"
    INTERFACE_MISSING = "InterfaceMissing"
    PORT_TAKEN = "PortTaken"
