"""A model's shape, and the counts that follow from it. Counts are in parameters, lengths in tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qwen3_operator.catalog.base import Row
from qwen3_operator.catalog.shapes import (  # noqa: TC001  # pydantic reads them at run time
    Count,
    Experts,
    Recurrent,
    StateType,
    Vision,
)

BF16_BYTES = 2


class Architecture(Row):
    """What config.json says of a model, and what follows from it."""

    model_type: str
    """``model_type`` of config.json."""
    config_prefix: str = ""
    """Where config.json keeps the language model, e.g. ``text_config.``; empty: at the top."""
    layers: Count
    hidden_size: Count
    intermediate_size: Annotated[int, Field(ge=0)]
    """Of the dense feed-forward block; config.json of some MoE models has it too, where no layer uses it."""
    heads: Count
    kv_heads: Count
    head_dim: Count
    vocab_size: Count
    """Rows of the embedding."""
    tied_embeddings: bool
    output_head: bool = True
    """Whether the repository holds an output head, or ties one; embedding models have none."""
    output_gate: bool = False
    """Whether the query projection makes a gate for the attention's output too."""
    query_norm: bool = True
    """Whether queries and keys are normalised per head (Qwen3 and later)."""
    qkv_bias: bool = False
    """Whether query, key and value projections have a bias (Qwen2 and Qwen2.5)."""
    experts: Experts | None = None
    recurrent: Recurrent | None = None
    """Of hybrid models: the layers that keep a state of fixed size and no KV cache."""
    vision: Vision | None = None
    tower_parameters: Annotated[int, Field(ge=0)] = 0
    """Encoders that ``vision`` does not describe, e.g. for audio."""
    mtp_layers: Annotated[int, Field(ge=0)] = 0
    """Layers for multi-token prediction; in the repository, loaded for speculative decoding only."""
    max_position_embeddings: Count
    """Longest context without YaRN."""

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
        return self.head_parameters * (2 if self.output_head and not self.tied_embeddings else 1)

    @property
    def kv_projection_parameters(self) -> int:
        """Key and value projections of all layers, which are copied where there are more devices than KV heads."""
        return self.attention_layers * 2 * self.hidden_size * self.kv_heads * self.head_dim

    @property
    def attention_parameters(self) -> int:
        """Query, key, value and output projections of the attention layers."""
        return self.attention_layers * self._attention

    @property
    def recurrent_projection_parameters(self) -> int:
        """Linear layers of the recurrent layers that formats quantise."""
        return self.recurrent.layers * self.recurrent.projections(self.hidden_size) if self.recurrent else 0

    @property
    def recurrent_parameters(self) -> int:
        """The recurrent layers without their norms."""
        if not self.recurrent:
            return 0
        return self.recurrent_projection_parameters + self.recurrent.layers * self.recurrent.small(self.hidden_size)

    @property
    def expert_parameters(self) -> int:
        """All routed experts."""
        return self.layers * self.experts.count * self.experts.one(self.hidden_size) if self.experts else 0

    @property
    def feed_forward_parameters(self) -> int:
        """What every token takes: the dense blocks, or the shared experts."""
        return self.layers * self._feed_forward

    @property
    def replicated_parameters(self) -> int:
        """What every device holds whole: norms, query and key norms, routers."""
        layer = 2 * self.hidden_size + (self.experts.router(self.hidden_size) if self.experts else 0)
        recurrent = self.recurrent.layers * self.recurrent.value_head_dim if self.recurrent else 0
        return self.layers * layer + self.attention_layers * self._norms + recurrent + self.hidden_size

    @property
    def vision_parameters(self) -> int:
        """The vision tower and other encoders."""
        return (self.vision.parameters if self.vision else 0) + self.tower_parameters

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

    @property
    def mtp_parameters(self) -> int:
        """Heads for multi-token prediction: a layer each, and a projection of two hidden states to one with norms.

        Exact for Qwen3.6-27B, whose files hold 27,781,427,952 parameters in all.
        """
        router = self.experts.router(self.hidden_size) if self.experts else 0
        rest = router + 2 * self.hidden_size**2 + 5 * self.hidden_size + self._norms
        return self.mtp_linear_parameters + self.mtp_layers * rest

    @property
    def mtp_linear_parameters(self) -> int:
        """Linear layers of these heads that formats quantise."""
        experts = self.experts.count * self.experts.one(self.hidden_size) if self.experts else 0
        return self.mtp_layers * (self._attention + self._feed_forward + experts)

    def kv_bytes_per_token(self, tensor_parallel: int, element_bytes: int = BF16_BYTES) -> int:
        """KV cache of one token on one of ``tensor_parallel`` devices; a device holds at least one KV head."""
        heads = max(1, self.kv_heads // tensor_parallel)
        return heads * 2 * self.head_dim * self.attention_layers * element_bytes

    def state_bytes_per_request(self, tensor_parallel: int, state_type: StateType | None = None) -> int:
        """One slot of recurrent state on one of ``tensor_parallel`` devices; 0 for models without."""
        return self.recurrent.bytes_per_request(state_type) // tensor_parallel if self.recurrent else 0

    @property
    def _attention(self) -> int:
        """Projections of one attention layer."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        bias = queries + 2 * keys if self.qkv_bias else 0
        return self.hidden_size * (queries * (3 if self.output_gate else 2) + 2 * keys) + bias

    @property
    def _feed_forward(self) -> int:
        """Of one layer: the dense block, or the shared expert."""
        if self.experts:
            return self.experts.shared(self.hidden_size)
        return 3 * self.hidden_size * self.intermediate_size

    @property
    def _norms(self) -> int:
        """Query and key norm of one attention layer."""
        return 2 * self.head_dim if self.query_norm else 0
