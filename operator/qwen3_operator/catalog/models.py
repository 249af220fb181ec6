"""Models: rows of models.yaml, and what they become with their config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from qwen3_operator.api.deployment import UseCase
from qwen3_operator.catalog.architecture import BF16_BYTES, Architecture
from qwen3_operator.catalog.base import Row
from qwen3_operator.catalog.checkpoints import Checkpoint, CheckpointRow  # noqa: TC001  # pydantic reads them

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import Quantization

__all__ = ["BF16_BYTES", "Facts", "KnownTotal", "Model", "ModelRow", "Thinking", "ToolCalls"]

Thinking = Literal["Hybrid", "Always", "Never"]
"""Whether a model thinks on request, before every answer, or not at all."""


ToolCalls = Literal["JSON", "XML"]
"""Form in which a model writes tool calls: JSON between <tool_call> tags, or Qwen3-Coder's XML inside them."""


class KnownTotal(Row):
    """A count that a source states, to check the computed one against."""

    parameters: Annotated[int, Field(ge=1)]
    within: Annotated[float, Field(ge=0, lt=0.1)] = 0
    """Relative difference that the source's rounding explains; 0: exact."""
    mtp: bool = False
    """Whether the source counts the heads for multi-token prediction."""
    source: str


class SamplingValues(Row):
    """How tokens are drawn; what is left out is the engine's choice."""

    temperature: Annotated[float, Field(ge=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None


class Sampling(Row):
    """What the makers say for answers that begin with a thought, and for others."""

    thinking: SamplingValues | None = None
    answering: SamplingValues | None = None
    source: str


class Facts(Row):
    """What is known of a model beside its shape."""

    name: str
    use_cases: tuple[UseCase, ...] = ()
    thinking: Thinking = "Never"
    tool_calls: ToolCalls = "JSON"
    quality: int | None = None
    """Rank among the models that share a use case; larger is better. None where nothing ranks the model."""
    quality_source: str = ""
    native_context: Annotated[int, Field(ge=1)]
    """Context length that the model was trained for and gets by default."""
    yarn_context: Annotated[int, Field(ge=1)] | None = None
    """Longest context with YaRN, where the model's makers state one."""
    sampling: Sampling | None = None
    """For requests that do not say; None: the engine reads generation_config.json."""
    not_served: str | None = None
    """Why the engine does not run the model; None where it does."""
    known_total: KnownTotal | None = None


class ModelRow(Facts):
    """A row of models.yaml: the shape is in the config file, sizes of checkpoints may be left to be computed."""

    config: str
    """Name of the file beside this one that holds the model's config.json."""
    output_head: bool = True
    """False for embedding models, whose repositories hold none."""
    mtp_layers: Annotated[int, Field(ge=0)] | None = None
    """Of repositories that hold such layers without saying so in config.json."""
    tower_parameters: Annotated[int, Field(ge=0)] = 0
    """Parameters of encoders that config.json does not describe in the form of Qwen3-VL, counted elsewhere."""
    checkpoints: tuple[CheckpointRow, ...]
    source: str = ""
    """Of use cases, thinking and context lengths, where the file's head does not name it."""


class Model(Facts, Architecture):
    """A model by its shape and what is known of it. Counts are in parameters, lengths in tokens."""

    checkpoints: tuple[Checkpoint, ...]

    @property
    def generates(self) -> bool:
        """Whether it writes tokens, rather than embedding or ranking texts."""
        return not self.use_cases or not set(self.use_cases) <= {UseCase.EMBEDDING, UseCase.RERANK}

    @property
    def max_context(self) -> int:
        """Longest context that can be asked for."""
        return self.yarn_context or self.max_position_embeddings

    def unscaled_context(self, context_length: int) -> int:
        """Context from which YaRN would have to stretch to reach ``context_length``.

        Up to ``max_position_embeddings`` nothing is stretched; beyond it YaRN starts at the native length
        (``original_max_position_embeddings`` of the Qwen3 README: 32768).
        """
        if context_length <= self.max_position_embeddings:
            return self.max_position_embeddings
        return self.native_context

    def checkpoint(self, quantization: Quantization) -> Checkpoint | None:
        """The checkpoint in that format, if there is one."""
        return next((found for found in self.checkpoints if found.quantization is quantization), None)

    def expected_config(self) -> dict[str, int | str | bool]:
        """Keys of config.json, dots between levels, and the values by which a folder is known to hold this model."""
        text: dict[str, int | str | bool] = {
            "num_hidden_layers": self.layers,
            "hidden_size": self.hidden_size,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "vocab_size": self.vocab_size,
        }
        if self.query_norm:  # Qwen2.5 derives it from the two others and does not write it
            text["head_dim"] = self.head_dim
        if self.experts is None:
            text["intermediate_size"] = self.intermediate_size
        else:
            text["num_experts"] = self.experts.count
            text["num_experts_per_tok"] = self.experts.per_token
            text["moe_intermediate_size"] = self.experts.intermediate_size
        return {"model_type": self.model_type} | {self.config_prefix + key: value for key, value in text.items()}
