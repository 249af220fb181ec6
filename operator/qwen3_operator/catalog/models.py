"""Models: shapes, and what follows from them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from qwen3_operator.catalog.base import Row
from qwen3_operator.catalog.checkpoints import Checkpoint  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.shapes import (  # noqa: TC001  # pydantic reads them at run time
    Count,
    Experts,
    Recurrent,
    StateType,
    Vision,
)

if TYPE_CHECKING:
    from qwen3_operator.api.deployment import Quantization

BF16_BYTES = 2
Thinking = Literal["Hybrid", "Always", "Never"]
"""Whether a model thinks on request, before every answer, or not at all."""


class UseCase(StrEnum):
    """What a model is for."""

    CHAT = "Chat"
    REASONING = "Reasoning"
    CODE = "Code"
    VISION = "Vision"
    AUDIO = "Audio"
    EMBEDDING = "Embedding"
    RERANK = "Rerank"


class Model(Row):
    """A model by its shapes. Counts are in parameters, lengths in tokens."""

    name: str
    use_cases: tuple[UseCase, ...] = ()
    thinking: Thinking = "Never"
    quality: int | None = None
    """Rank among the models that share a use case; larger is better. None where no source ranks the model."""
    quality_source: str = ""
    model_type: str
    """``model_type`` of config.json."""
    layers: Count
    hidden_size: Count
    intermediate_size: Count
    """Of the dense feed-forward block; written in config.json of MoE models too, where no layer uses it."""
    heads: Count
    kv_heads: Count
    head_dim: Count
    vocab_size: Count
    """Rows of the embedding."""
    tied_embeddings: bool
    output_gate: bool = False
    """Whether the query projection makes a gate for the attention's output too."""
    experts: Experts | None = None
    recurrent: Recurrent | None = None
    """Of hybrid models: the layers that keep a state of fixed size and no KV cache."""
    vision: Vision | None = None
    mtp_layers: Annotated[int, Field(ge=0)] = 0
    """Layers for multi-token prediction; in the repository, loaded for speculative decoding only."""
    native_context: Count
    """Context length that the model was trained for and gets by default."""
    max_position_embeddings: Count
    """Longest context without YaRN."""
    yarn_context: Count | None = None
    """Longest context with YaRN, where the model's makers state one."""
    checkpoints: tuple[Checkpoint, ...]

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

    @property
    def attention_layers(self) -> int:
        """Layers that hold a KV cache."""
        return self.layers - (self.recurrent.layers if self.recurrent else 0)

    @property
    def head_parameters(self) -> int:
        """The output head, which is the embedding itself where the two are tied."""
        return self.vocab_size * self.hidden_size

    @property
    def embedding_parameters(self) -> int:
        """Embedding, and the output head where it is not the same matrix."""
        return self.head_parameters * (1 if self.tied_embeddings else 2)

    @property
    def kv_projection_parameters(self) -> int:
        """Key and value projections of all layers, which are copied where there are more devices than KV heads."""
        return self.attention_layers * 2 * self.hidden_size * self.kv_heads * self.head_dim

    @property
    def attention_parameters(self) -> int:
        """Query, key, value and output projections of the attention layers."""
        queries = self.hidden_size * self.heads * self.head_dim
        return self.attention_layers * queries * (3 if self.output_gate else 2) + self.kv_projection_parameters

    @property
    def recurrent_parameters(self) -> int:
        """Projections, convolutions and small vectors of the recurrent layers, without their norms."""
        if not self.recurrent:
            return 0
        small = self.recurrent.small_parameters - self.recurrent.value_head_dim
        return self.recurrent.layers * (self.recurrent.projections(self.hidden_size) + small)

    @property
    def expert_parameters(self) -> int:
        """All routed experts."""
        return self.layers * self.experts.count * self.experts.one(self.hidden_size) if self.experts else 0

    @property
    def feed_forward_parameters(self) -> int:
        """What every token takes: the dense blocks, or the shared experts."""
        if self.experts:
            return self.layers * self.experts.shared(self.hidden_size)
        return self.layers * 3 * self.hidden_size * self.intermediate_size

    @property
    def replicated_parameters(self) -> int:
        """What every device holds whole: norms, query and key norms, routers."""
        layer = 2 * self.hidden_size + (self.experts.router(self.hidden_size) if self.experts else 0)
        attention = self.attention_layers * 2 * self.head_dim
        recurrent = self.recurrent.layers * self.recurrent.value_head_dim if self.recurrent else 0
        return self.layers * layer + attention + recurrent + self.hidden_size

    @property
    def vision_parameters(self) -> int:
        """The vision tower."""
        return self.vision.parameters if self.vision else 0

    @property
    def text_parameters(self) -> int:
        """The language model."""
        return (
            self.embedding_parameters
            + self.attention_parameters
            + self.recurrent_parameters
            + self.expert_parameters
            + self.feed_forward_parameters
            + self.replicated_parameters
        )

    @property
    def parameters(self) -> int:
        """All parameters that are loaded to serve; heads for multi-token prediction are not."""
        return self.text_parameters + self.vision_parameters

    @property
    def active_parameters(self) -> int:
        """What one token of text uses: embedding and head count whole, of the experts those that a token is sent to."""
        if not self.experts:
            return self.text_parameters
        idle = self.experts.count - self.experts.per_token
        return self.text_parameters - self.layers * idle * self.experts.one(self.hidden_size)

    def kv_bytes_per_token(self, tensor_parallel: int, element_bytes: int = BF16_BYTES) -> int:
        """KV cache of one token on one of ``tensor_parallel`` devices; a device holds at least one KV head."""
        heads = max(1, self.kv_heads // tensor_parallel)
        return heads * 2 * self.head_dim * self.attention_layers * element_bytes

    def state_bytes_per_request(self, tensor_parallel: int, state_type: StateType | None = None) -> int:
        """One slot of recurrent state on one of ``tensor_parallel`` devices; 0 for models without."""
        return self.recurrent.bytes_per_request(state_type) // tensor_parallel if self.recurrent else 0

    def expected_config(self) -> dict[str, int | str | bool]:
        """Top-level keys of config.json, and the values by which a folder is known to hold this model."""
        config: dict[str, int | str | bool] = {
            "model_type": self.model_type,
            "num_hidden_layers": self.layers,
            "hidden_size": self.hidden_size,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "vocab_size": self.vocab_size,
        }
        if self.experts is None:
            return config | {"intermediate_size": self.intermediate_size}
        return config | {
            "num_experts": self.experts.count,
            "num_experts_per_tok": self.experts.per_token,
            "moe_intermediate_size": self.experts.intermediate_size,
        }
