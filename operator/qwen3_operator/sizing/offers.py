"""Which models in which formats the spec allows: what the search chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import AUTO, EngineChoice, Quantization, ThinkingSpec, UseCase
from qwen3_operator.sizing.adapters import adapter_failure
from qwen3_operator.sizing.failure import FailureReason, PlanFailure
from qwen3_operator.sizing.names import MODELS_COMMAND, nearest
from qwen3_operator.sizing.thinking import budget_problem, thinking_failure, thinking_problem
from qwen3_runtime.config import Engine as EngineName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog, Checkpoint, Model, QuantizationFormat

Quality = tuple[int, int, int]
AUTO_CONTEXT = 32768
"""Tokens of context that models are compared with where the spec names none: what all of Qwen3 reads without YaRN."""
GGUF_PREFIX = "GGUF-"
"""Of the formats that llama.cpp runs."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model in one format, for one context length."""

    model: Model
    checkpoint: Checkpoint
    form: QuantizationFormat
    context_length: int
    request_tokens: int
    """Prompt plus answer of a long request (p95)."""

    quality: Quality
    """Sorts the best first: rank of the model, its size where no source ranks it, then the format."""

    @property
    def name(self) -> str:
        """``Qwen3-32B FP8``."""
        return f"{self.model.name} {self.form.name}"


def offers(spec: DeploymentSpec, catalog: Catalog) -> tuple[Offer, ...] | PlanFailure:
    """Every model and format that the spec allows, or what is wrong: field, value, and what would be right."""
    if problem := _unnamed_format(spec):
        return PlanFailure(FailureReason.UNSUPPORTED_QUANTIZATION, problem)
    engine = catalog.newest(engine_name(spec))
    if problem := budget_problem(spec, engine, catalog):
        return PlanFailure(FailureReason.THINKING_UNSUPPORTED, problem)
    if failure := adapter_failure(spec, engine, catalog):
        return failure
    if spec.model.name == AUTO:
        return _of_use_case(spec, catalog)
    model = catalog.models.get(spec.model.name)
    if model is None:
        known = nearest(spec.model.name, catalog.models, MODELS_COMMAND)
        return PlanFailure(FailureReason.UNKNOWN_MODEL, f"spec.model.name {spec.model.name!r} is not known: {known}")
    return _of_model(spec, model, catalog)


def _of_model(spec: DeploymentSpec, model: Model, catalog: Catalog) -> tuple[Offer, ...] | PlanFailure:
    if not _serves(spec, model, catalog):
        able = " or ".join(dict.fromkeys(engine.name for engine in catalog.engines.values() if engine.embeds))
        message = f"spec.engine.name {engine_name(spec)} does not serve {model.name}, which writes no text: take {able}"
        return PlanFailure(FailureReason.ENGINE_UNSUPPORTED, message)
    found = tuple(_offers_of(spec, model, catalog))
    if not found:
        has = ", ".join(found.quantization for found in model.checkpoints)
        message = f"spec.model.quantization {_asked(spec)} does not exist for {model.name}: it has {has}"
        return PlanFailure(FailureReason.UNSUPPORTED_QUANTIZATION, message)
    if problem := context_problem(spec, model):
        return PlanFailure(FailureReason.CONTEXT_TOO_LONG, problem)
    return thinking_failure(spec, model, catalog) or found


def _serves(spec: DeploymentSpec, model: Model, catalog: Catalog) -> bool:
    """Whether the engine gives what the model is for."""
    return model.generates or catalog.newest(engine_name(spec)).embeds


def engine_name(spec: DeploymentSpec) -> EngineName:
    """The engine that is planned with: the one asked for, else llama.cpp for its formats and SGLang for all others."""
    if spec.engine.name is not EngineChoice.AUTO:
        return EngineName(spec.engine.name.value)
    return EngineName.LLAMA_CPP if spec.model.quantization.startswith(GGUF_PREFIX) else EngineName.SGLANG


def _of_use_case(spec: DeploymentSpec, catalog: Catalog) -> tuple[Offer, ...] | PlanFailure:
    use_case = spec.model.use_case or UseCase.CHAT
    floor = 0
    if lowest := spec.model.minimum_quality:
        if lowest not in catalog.models:
            known = nearest(lowest, catalog.models, MODELS_COMMAND)
            message = f"spec.model.minimumQuality {lowest!r} is not known: {known}"
            return PlanFailure(FailureReason.UNKNOWN_MODEL, message)
        floor = catalog.models[lowest].quality or 0
        if not floor:
            message = f"spec.model.minimumQuality {lowest}: no source ranks this model, so none can be compared with it"
            return PlanFailure(FailureReason.NO_MODEL, message)
    models = [
        model
        for model in catalog.models.values()
        if use_case.value in model.use_cases
        and (model.quality or 0) >= floor
        and _serves(spec, model, catalog)
        and thinking_problem(spec, model, catalog) is None
    ]
    wide = [model for model in models if context_problem(spec, model) is None]
    found = tuple(offer for model in wide for offer in _offers_of(spec, model, catalog))
    if found:
        return found
    at_least = f" at least as good as {lowest}" if lowest else ""
    at_least += " that thinks as spec.thinking asks" if spec.thinking != ThinkingSpec() else ""
    lacks = f"with a context of {_request(spec, models[0])} tokens" if models and not wide else f"in {_asked(spec)}"
    message = f"no model of the catalog is for {use_case.value}{at_least} {lacks}"
    return PlanFailure(FailureReason.NO_MODEL, message)


def _offers_of(spec: DeploymentSpec, model: Model, catalog: Catalog) -> Iterator[Offer]:
    context = spec.model.context_length or _unasked_context(spec, model)
    for checkpoint in model.checkpoints:
        form = catalog.quantizations[checkpoint.quantization]
        if spec.model.source.library.needs_repository and not checkpoint.repository:
            continue
        if _asked(spec) in {Quantization.AUTO, form.name}:
            quality = (-(model.quality or 0), -model.parameters, form.rank)
            yield Offer(model, checkpoint, form, context, long_request(spec, model) or context, quality)


def _unasked_context(spec: DeploymentSpec, model: Model) -> int:
    """The model's own; where the plan chooses among models the same for all, or one would be charged for more."""
    if spec.model.name != AUTO:
        return model.native_context
    return min(model.native_context, max(AUTO_CONTEXT, long_request(spec, model) or 0))


def _unnamed_format(spec: DeploymentSpec) -> str | None:
    """A source of one format is taken to hold BF16, which llama.cpp is not planned with."""
    asks = engine_name(spec) is EngineName.LLAMA_CPP and spec.model.quantization is Quantization.AUTO
    if not asks or spec.model.source.library.holds_formats:
        return None
    return (
        "spec.model.quantization Auto: spec.model.source holds one format and spec.engine.name is LlamaCpp; name the "
        "format of the file, GGUF-Q8_0 or GGUF-Q4_K_M"
    )


def _asked(spec: DeploymentSpec) -> Quantization:
    """The format to plan; Auto only where the source holds several. A source of one format is taken to hold BF16."""
    asked = spec.model.quantization
    if asked is Quantization.AUTO and not spec.model.source.library.holds_formats:
        return Quantization.BF16
    return asked


def long_request(spec: DeploymentSpec, model: Model) -> int | None:
    """Prompt plus answer at the 95th percentile; None where the spec does not say.

    Models that embed or rank texts write no answer.
    """
    workload = spec.workload
    if not model.generates:
        return workload.input_tokens.p95 if workload.input_tokens else None
    if workload.input_tokens is None or workload.output_tokens is None:
        return None
    return workload.input_tokens.p95 + workload.output_tokens.p95


def _request(spec: DeploymentSpec, model: Model) -> int:
    return max(spec.model.context_length or 0, long_request(spec, model) or 0)


def context_problem(spec: DeploymentSpec, model: Model) -> str | None:
    """Why the model's context does not hold what is asked for."""
    asked, tokens = spec.model.context_length, long_request(spec, model) or 0
    limit = f"at most {model.max_context} for {model.name} ({model.native_context} without YaRN)"
    if asked is not None and asked > model.max_context:
        return f"spec.model.contextLength {asked} is too long: {limit}"
    if tokens > (asked or model.native_context):
        return (
            f"spec.workload.inputTokens.p95 + outputTokens.p95 = {tokens} exceeds the context of "
            f"{asked or model.native_context} tokens: set spec.model.contextLength, {limit}"
        )
    return None
