"""``Qwen3Deployment``: what a user asks for (``spec``)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qwen3_operator.api.adapter import MAX_ADAPTERS, Adapter, AdapterRoom
from qwen3_operator.api.base import ApiModel, Rule, as_atomic, as_map, as_set
from qwen3_operator.api.intent import Objective, Positive, ServiceLevel, Workload, decimal_rule
from qwen3_operator.api.scaling import Scaling
from qwen3_operator.api.source import FETCHED_KINDS, ModelCache, ModelSource, SubdomainName
from qwen3_operator.api.status import DeploymentStatus

KIND = "Qwen3Deployment"
PLURAL = "qwen3deployments"
SHORT_NAME = "q3d"

MAX_NAME_LENGTH = 40
"""Of metadata.name: children are called after it and must stay within the 63 characters of a DNS label."""

Name = Annotated[str, Field(min_length=1, max_length=63)]
EngineArgument = Annotated[str, Field(min_length=1, max_length=1024)]
AUTO = "Auto"
"""Name of the model that leaves the choice to the planner."""


class Quantization(StrEnum):
    """Format of the weights. ``Auto`` leaves the choice to the planner where the source holds several, else BF16."""

    AUTO = "Auto"
    BF16 = "BF16"
    FP8 = "FP8"
    AWQ_INT4 = "AWQ-INT4"
    GPTQ_INT4 = "GPTQ-INT4"
    GPTQ_INT8 = "GPTQ-INT8"
    W8A8 = "W8A8"
    NVFP4 = "NVFP4"
    GGUF_Q8_0 = "GGUF-Q8_0"
    GGUF_Q4_K_M = "GGUF-Q4_K_M"


class EngineChoice(StrEnum):
    """Inference engine. ``Auto`` is LlamaCpp for GGUF formats and SGLang for all others."""

    AUTO = "Auto"
    SGLANG = "SGLang"
    VLLM = "vLLM"
    LLAMA_CPP = "LlamaCpp"
    TRANSFORMERS = "Transformers"
    MINDIE = "MindIE"


class UseCase(StrEnum):
    """What a model is for."""

    CHAT = "Chat"
    REASONING = "Reasoning"
    CODE = "Code"
    VISION = "Vision"
    AUDIO = "Audio"
    EMBEDDING = "Embedding"
    RERANK = "Rerank"


class KVCacheDataType(StrEnum):
    """Number format of the KV cache. ``Auto`` is BF16, the type of the model."""

    AUTO = "Auto"
    BF16 = "BF16"
    FP8 = "FP8"


class ThinkingDefault(StrEnum):
    """Whether a request that does not say so itself makes the model think first."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


_LIBRARY = {"source": {"persistentVolumeClaim": {"claimName": "library", "path": "{model}-{quantization}"}}}
_ADAPTER = {"name": "support", "source": {"persistentVolumeClaim": {"claimName": "adapters", "path": "support"}}}


def _fetched(owner: str) -> str:
    """In CEL: whether the source of a model or an adapter is fetched."""
    return " || ".join(f"has({owner}.source.{kind})" for kind in FETCHED_KINDS)


class Model(ApiModel):
    """Which model, in which format, from where."""

    name: Name
    """A model of the catalog, e.g. Qwen3-32B, or Auto: the plan chooses one of useCase that the source holds. An
    unknown name is answered with the nearest known ones."""
    use_case: UseCase | None = None
    """What a model chosen by Auto must be for. Default: Chat."""
    minimum_quality: Name | None = None
    """A catalog model: Auto takes only models that are at least as good."""
    quantization: Quantization = Quantization.AUTO
    """Format of the weights. Auto: the plan chooses where the path of the source has {quantization} or {repository}
    or the source is a hub without a repository; otherwise the source holds one format, taken to be BF16, so name any
    other."""
    context_length: Annotated[int, Field(ge=256, le=1_048_576)] | None = None
    """Longest prompt plus answer in tokens. Default: the model's native length. Above it YaRN is set up."""
    served_name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^\S+$")] | None = None
    """Name that requests carry in "model". Default: the name of the model."""
    source: ModelSource
    """Where the weights come from."""
    cache: ModelCache | None = None
    """Keeps what is fetched, from a hub or from s3, for the next pod: weights and adapters. Default: a scratch volume
    of each pod on its node's disk, fetched by each pod anew."""
    adapters: Annotated[tuple[Adapter, ...], Field(max_length=MAX_ADAPTERS), as_map("name")] = ()
    """LoRA adapters that are served beside the model, each under its own name. They come and go in running pods where
    there is room for them and their volumes and Secrets are those of the pods already; else the pods are replaced."""
    adapter_room: AdapterRoom | None = None
    """Room for adapters that come later. Default: room for those that are listed."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.name != 'Auto' || ((!has(self.adapters) || self.adapters.size() == 0) && !has(self.adapterRoom))",
            "spec.model.adapters were trained on one model: name it in spec.model.name instead of Auto",
            good={"model": {"adapters": [_ADAPTER], "adapterRoom": {"count": 2, "rank": 32}}},
            bad={"model": {**_LIBRARY, "name": AUTO, "adapters": [_ADAPTER]}},
        ),
        Rule(
            "!has(self.adapters) || "
            "self.adapters.all(a, a.name != (has(self.servedName) ? self.servedName : self.name))",
            "spec.model.adapters must not bear the name that the model itself is served under (spec.model.servedName, "
            "else spec.model.name)",
            good={"model": {"servedName": "chat", "adapters": [_ADAPTER]}},
            bad={"model": {"servedName": _ADAPTER["name"], "adapters": [_ADAPTER]}},
        ),
        Rule(
            "self.name == 'Auto' || (!has(self.useCase) && !has(self.minimumQuality))",
            "spec.model.useCase and spec.model.minimumQuality are for spec.model.name: Auto",
            good={"model": {**_LIBRARY, "name": AUTO, "useCase": "Code", "minimumQuality": "Qwen3-8B"}},
            bad={"model": {"name": "Qwen3-8B", "useCase": "Code"}},
        ),
        Rule(
            "self.name != 'Auto' || "
            "(has(self.source.persistentVolumeClaim) && has(self.source.persistentVolumeClaim.path) && "
            "self.source.persistentVolumeClaim.path.matches('[{](model|repository)[}]')) || "
            "(has(self.source.s3) && has(self.source.s3.prefix) && "
            "self.source.s3.prefix.matches('[{](model|repository)[}]')) || "
            "(has(self.source.huggingFace) && !has(self.source.huggingFace.repository)) || "
            "(has(self.source.modelScope) && !has(self.source.modelScope.repository)) || "
            "(has(self.source.modelers) && !has(self.source.modelers.repository))",
            "spec.model.name: Auto needs a library of weights: put {model} or {repository} into the path of "
            "spec.model.source, or name a hub without a repository",
            good={"model": {**_LIBRARY, "name": AUTO}},
            bad={"model": {"name": AUTO, "source": {"persistentVolumeClaim": {"claimName": "w", "path": "qwen3"}}}},
        ),
        Rule(
            f"!has(self.cache) || {_fetched('self')} || "
            f"(has(self.adapters) && self.adapters.exists(a, {_fetched('a')}))",
            "spec.model.cache is for what is fetched, from a hub or from s3: remove it, or name such a source for the "
            "model or an adapter",
            good={
                "model": {
                    "cache": {"claimName": "cache", "sizeLimit": "500Gi"},
                    "adapters": [_ADAPTER, {"name": "law", "source": {"s3": {"bucket": "adapters"}}}],
                }
            },
            bad={"model": {"cache": {"claimName": "cache"}, "adapters": [_ADAPTER]}},
        ),
        Rule(
            f"!has(self.cache) || !has(self.cache.prefetch) || !self.cache.prefetch || {_fetched('self')}",
            "spec.model.cache.prefetch is for a model that is fetched, from a hub or from s3: remove it, or name such "
            "a source in spec.model.source",
            good={
                "model": {
                    "cache": {"claimName": "cache", "prefetch": True},
                    "source": {"persistentVolumeClaim": None, "huggingFace": {}},
                }
            },
            bad={
                "model": {
                    "cache": {"claimName": "cache", "prefetch": True},
                    "adapters": [{"name": "law", "source": {"s3": {"bucket": "adapters"}}}],
                }
            },
        ),
    )


class Engine(ApiModel):
    """The inference engine in the pod."""

    name: EngineChoice = EngineChoice.AUTO
    """Which engine serves. It decides which devices, formats and parallelism the plan may choose from, and what one
    replica holds. Auto: LlamaCpp where spec.model.quantization is a GGUF format, else SGLang."""
    image: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^\S+$")] | None = None
    """Runtime image with the engine in it. Default: the operator's image for the engine and the accelerator's kind of
    device."""
    image_pull_secrets: Annotated[tuple[SubdomainName, ...], Field(max_length=8), as_set()] = ()
    """Names of Secrets with registry credentials."""
    kv_cache_data_type: KVCacheDataType = KVCacheDataType.AUTO
    """Number format of the KV cache. FP8 takes half the memory, on devices that have FP8 arithmetic."""
    extra_args: Annotated[tuple[EngineArgument, ...], Field(max_length=64), as_atomic()] = ()
    """Arguments for the engine, passed as they are after the derived ones."""

    # The engine takes any unique prefix of an option for the option, hence the short forms.
    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.extraArgs) || !self.extraArgs.exists(a, a.matches('^--(hos?t?|por?t?)(=.*)?$'))",
            "spec.engine.extraArgs must not set --host or --port: the engine listens on the pod's loopback only",
            good={"engine": {"extraArgs": ["--schedule-policy", "lpm"]}},
            bad={"engine": {"extraArgs": ["--host=0.0.0.0"]}},
        ),
        Rule(
            "!has(self.extraArgs) || !self.extraArgs.exists(a, a.startsWith('--enable-cus'))",
            "spec.engine.extraArgs must not set --enable-custom-logit-processor: clients could run code in the pod",
            good={"engine": {"extraArgs": ["--enable-cudagraph-gc"]}},
            bad={"engine": {"extraArgs": ["--enable-custom-logit-processor"]}},
        ),
    )


class Hardware(ApiModel):
    """Limits on where replicas may run."""

    pools: Annotated[tuple[Name, ...], Field(max_length=32), as_set()] = ()
    """Names of pools to choose from. Empty: any."""
    accelerators: Annotated[tuple[Name, ...], Field(max_length=32), as_set()] = ()
    """Accelerators to choose from, by catalog name, e.g. H100-SXM, Ascend-910B3 or CPU. Empty: any; CPU only for
    models of at most two billion parameters."""
    max_devices_per_replica: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Most devices that one replica may take."""
    max_cost_per_hour: Positive | None = None
    """Budget of the whole deployment per hour, in the currency of the pools' prices, as a decimal number in quotes.
    Only pools with a price are then used."""

    RULES: ClassVar[tuple[Rule, ...]] = (decimal_rule("hardware", "maxCostPerHour", "12.5"),)


class ThinkingSpec(ApiModel):
    """Whether and how long the model thinks before it answers."""

    default: ThinkingDefault | None = None
    """What a request that does not say gets from a model that thinks on request. Default: Enabled."""
    max_budget_tokens: Annotated[int, Field(ge=1, le=1_048_576)] | None = None
    """Most tokens of one thought, its closing tag included: there the thought ends and the answer begins. Requests may
    ask for less with thinking_budget, which is refused where this is not set. Unset: thoughts have no limit."""


class AllowedTenants(ApiModel):
    """Qwen3Tenants whose requests the gateway may send here."""

    all: bool | None = None
    """true: every tenant that names or selects this deployment."""
    names: Annotated[tuple[Name, ...], Field(min_length=1, max_length=256), as_set()] | None = None
    """Names of Qwen3Tenants."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(has(self.all) && self.all) != has(self.names)",
            "set spec.tenants.allowed.all: true or spec.tenants.allowed.names, or remove spec.tenants to let nobody in",
            good={"tenants": {"allowed": {"names": ["acme"]}}},
            bad={"tenants": {"allowed": {"all": True, "names": ["acme"]}}},
        ),
    )

    def allows(self, tenant: str) -> bool:
        """Whether the tenant of this name is let in."""
        return bool(self.all) or tenant in (self.names or ())


class Scheduling(ApiModel):
    """Who lets pods in before the scheduler sees them."""

    queue_name: (
        Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] | None
    ) = None
    """LocalQueue of Kueue in the same namespace, which admits each replica within its quota. Default: none; pods go to
    the scheduler at once."""


class TenantAccess(ApiModel):
    """Consent of the deployment's owner."""

    allowed: AllowedTenants
    """Who is let in."""


class DeploymentSpec(ApiModel):
    """Desired state of a Qwen3Deployment."""

    model: Model
    """Which model, in which format, from where."""
    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Copies of the model that serve. Unset: as many as spec.workload needs. kubectl scale writes here."""
    engine: Engine = Engine()
    """The inference engine in the pod."""
    hardware: Hardware = Hardware()
    """Limits on where replicas may run."""
    workload: Workload = Workload()
    """The load of the whole deployment."""
    slo: ServiceLevel = ServiceLevel()
    """How fast answers must be."""
    optimize_for: Objective = Objective.COST
    """What decides among placements that meet spec.slo: the lowest cost (without prices the fewest devices), the
    lowest latency, or the best model and format."""
    thinking: ThinkingSpec = ThinkingSpec()
    """Whether and how long the model thinks before it answers."""
    tenants: TenantAccess | None = None
    """Offers the model to tenants of the gateway. Default: to none; only pods of the own namespace reach it."""
    scheduling: Scheduling = Scheduling()
    """Who lets pods in before the scheduler sees them."""
    scaling: Scaling = Scaling()
    """Who decides how many replicas run, and within which bounds."""
    drain_timeout_seconds: Annotated[int, Field(ge=0, le=86_400)] = 120
    """How long running requests may finish when a pod is to end."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.engine) || !has(self.engine.name) || self.engine.name != 'LlamaCpp' || "
            "!has(self.model.quantization) || self.model.quantization == 'Auto' || "
            "self.model.quantization.startsWith('GGUF-')",
            "spec.engine.name: LlamaCpp runs GGUF formats: set spec.model.quantization to GGUF-Q8_0 or GGUF-Q4_K_M",
            good={"engine": {"name": "LlamaCpp"}, "model": {"quantization": "GGUF-Q8_0"}},
            bad={"engine": {"name": "LlamaCpp"}, "model": {"quantization": "FP8"}},
        ),
        Rule(
            "!has(self.engine) || !has(self.engine.name) || self.engine.name in ['Auto', 'LlamaCpp'] || "
            "!has(self.model.quantization) || !self.model.quantization.startsWith('GGUF-')",
            "GGUF formats run on llama.cpp: set spec.engine.name to LlamaCpp or Auto, or spec.model.quantization to "
            "another format",
            good={"engine": {"name": "vLLM"}, "model": {"quantization": "FP8"}},
            bad={"engine": {"name": "vLLM"}, "model": {"quantization": "GGUF-Q8_0"}},
        ),
        Rule(
            "!has(self.workload) || !has(self.workload.inputTokens) || !has(self.workload.outputTokens) || "
            "!has(self.model.contextLength) || "
            "self.workload.inputTokens.p95 + self.workload.outputTokens.p95 <= self.model.contextLength",
            "spec.workload.inputTokens.p95 + outputTokens.p95 must fit in spec.model.contextLength",
            good={
                "model": {"contextLength": 8192},
                "workload": {"inputTokens": {"p95": 4096}, "outputTokens": {"p95": 4096}},
            },
            bad={
                "model": {"contextLength": 8192},
                "workload": {"inputTokens": {"p95": 8000}, "outputTokens": {"p95": 500}},
            },
        ),
    )


class Qwen3Deployment(ApiModel):
    """A Qwen3 model served by one or more replicas: the platform chooses pool, device count and engine settings."""

    spec: DeploymentSpec
    """What is wanted."""
    status: DeploymentStatus = DeploymentStatus()
    """What was found and done."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.metadata.name.size() <= {MAX_NAME_LENGTH}",
            f"metadata.name must be at most {MAX_NAME_LENGTH} characters: pods and Services are named after it",
            good={"metadata": {"name": "n" * MAX_NAME_LENGTH}},
            bad={"metadata": {"name": "n" * (MAX_NAME_LENGTH + 1)}},
        ),
        Rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name must start with a letter and hold only a-z, 0-9 and '-': a Service is named after it",
            good={"metadata": {"name": "qwen3-0-6b"}},
            bad={"metadata": {"name": "qwen3.0.6b"}},
        ),
    )
