"""``Qwen3Deployment``: what a user asks for (``spec``)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from qwen3_operator.api.base import ApiModel, Rule, as_atomic, as_set
from qwen3_operator.api.status import DeploymentStatus

KIND = "Qwen3Deployment"
PLURAL = "qwen3deployments"
SHORT_NAME = "q3d"

MAX_NAME_LENGTH = 40
"""Of metadata.name: children are called after it and must stay within the 63 characters of a DNS label."""

Name = Annotated[str, Field(min_length=1, max_length=63)]
SubdomainName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
EngineArgument = Annotated[str, Field(min_length=1, max_length=1024)]
TokenCount = Annotated[int, Field(ge=1, le=1_048_576)]


class Quantization(StrEnum):
    """Format of the weights. ``Auto`` leaves the choice to the source: a claim is taken to hold BF16."""

    AUTO = "Auto"
    BF16 = "BF16"
    FP8 = "FP8"
    AWQ_INT4 = "AWQ-INT4"
    GPTQ_INT4 = "GPTQ-INT4"
    GPTQ_INT8 = "GPTQ-INT8"
    W8A8 = "W8A8"


class ThinkingDefault(StrEnum):
    """Whether a request that does not say so itself makes the model think first."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


class ClaimSource(ApiModel):
    """Weights on a PersistentVolumeClaim of the deployment's namespace. Mounted read-only."""

    claim_name: SubdomainName
    """Name of the PersistentVolumeClaim."""
    path: Annotated[str, Field(max_length=1024, pattern=r"^([^/].*)?$")] = ""
    """Folder inside the volume that holds config.json and the weights. Empty: the volume's root."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!self.path.split('/').exists(p, p == '..')",
            "spec.model.source.persistentVolumeClaim.path must stay inside the volume: remove '..'",
            good={"model": {"source": {"persistentVolumeClaim": {"claimName": "weights", "path": "qwen3/8b"}}}},
            bad={"model": {"source": {"persistentVolumeClaim": {"claimName": "weights", "path": "a/../../b"}}}},
        ),
    )


class ModelSource(ApiModel):
    """Where the weights come from."""

    persistent_volume_claim: ClaimSource
    """Weights that lie on a PersistentVolumeClaim already."""


class Model(ApiModel):
    """Which model, in which format, from where."""

    name: Name
    """A model of the catalog, e.g. Qwen3-32B. An unknown name is answered with the nearest known ones."""
    quantization: Quantization = Quantization.AUTO
    """Format of the weights in the source. A claim holds one format; Auto takes it to be BF16, so name any other."""
    context_length: Annotated[int, Field(ge=256, le=1_048_576)] | None = None
    """Longest prompt plus answer in tokens. Default: the model's native length. Above it YaRN is set up."""
    served_name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^\S+$")] | None = None
    """Name that requests carry in "model". Default: the name of the model."""
    source: ModelSource
    """Where the weights come from."""


class Engine(ApiModel):
    """The inference engine in the pod."""

    image: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^\S+$")] | None = None
    """Runtime image with the engine in it. Default: the operator's image for the accelerator's kind of device."""
    image_pull_secrets: Annotated[tuple[SubdomainName, ...], Field(max_length=8), as_set()] = ()
    """Names of Secrets with registry credentials."""
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


class Tokens(ApiModel):
    """Length of a prompt or an answer in tokens."""

    p95: TokenCount
    """95th percentile."""


class Workload(ApiModel):
    """What one replica is to hold at a time; sizes the KV cache."""

    concurrency: Annotated[int, Field(ge=1, le=65_536)] = 1
    """Requests in flight on one replica."""
    input_tokens: Tokens | None = None
    """Prompt length. Default: a request of the full context length."""
    output_tokens: Tokens | None = None
    """Answer length, thinking included."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.inputTokens) == has(self.outputTokens)",
            "set spec.workload.inputTokens and spec.workload.outputTokens together, or neither",
            good={"workload": {"inputTokens": {"p95": 1000}, "outputTokens": {"p95": 500}}},
            bad={"workload": {"inputTokens": {"p95": 1000}}},
        ),
    )


class ThinkingSpec(ApiModel):
    """Thinking of hybrid models."""

    default: ThinkingDefault = ThinkingDefault.ENABLED
    """What a request without chat_template_kwargs.enable_thinking gets."""


class DeploymentSpec(ApiModel):
    """Desired state of a Qwen3Deployment."""

    model: Model
    """Which model, in which format, from where."""
    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Copies of the model that serve. kubectl scale writes here."""
    engine: Engine = Engine()
    """The inference engine in the pod."""
    hardware: Hardware = Hardware()
    """Limits on where replicas may run."""
    workload: Workload = Workload()
    """What one replica is to hold at a time."""
    thinking: ThinkingSpec = ThinkingSpec()
    """Thinking of hybrid models."""
    drain_timeout_seconds: Annotated[int, Field(ge=0, le=86_400)] = 120
    """How long running requests may finish when a pod is to end."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.workload.inputTokens) || !has(self.workload.outputTokens) || !has(self.model.contextLength) || "
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
