"""Parts of a model beside plain attention: experts, recurrent layers, the vision tower. Counts are in parameters.

The tensors and their shapes are those of transformers' modeling_qwen3_moe.py, modeling_qwen3_next.py,
modeling_qwen3_5.py and modeling_qwen3_vl.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qwen3_operator.catalog.base import Row

Count = Annotated[int, Field(ge=1)]
StateType = Literal["float32", "bfloat16"]
STATE_BYTES: dict[StateType, int] = {"float32": 4, "bfloat16": 2}
CONVOLUTION_STATE_BYTES = 2
"""The convolution's window is kept in BF16 whatever the type of the recurrent state is."""


class Experts(Row):
    """Routed experts of a mixture-of-experts model, and the one that every token takes."""

    count: Count
    per_token: Count
    intermediate_size: Count
    shared_intermediate_size: Annotated[int, Field(ge=0)] = 0
    """Of the shared expert; 0 where there is none."""

    def one(self, hidden_size: int) -> int:
        """Gate, up and down projection of one routed expert."""
        return 3 * hidden_size * self.intermediate_size

    def shared(self, hidden_size: int) -> int:
        """The shared expert's projections."""
        return 3 * hidden_size * self.shared_intermediate_size

    def router(self, hidden_size: int) -> int:
        """Router, and the shared expert's gate."""
        return hidden_size * (self.count + (1 if self.shared_intermediate_size else 0))


class Recurrent(Row):
    """Gated DeltaNet layers of a hybrid model: a state of fixed size per request in place of a KV cache."""

    layers: Count
    key_heads: Count
    value_heads: Count
    key_head_dim: Count
    value_head_dim: Count
    kernel: Count
    """Tokens that the causal convolution sees."""
    state_type: StateType = "float32"
    """Type of the recurrent state (``mamba_ssm_dtype``), unless the engine is told another."""

    @property
    def convolution_width(self) -> int:
        """Channels of the convolution: queries, keys and values."""
        return 2 * self.key_heads * self.key_head_dim + self.value_heads * self.value_head_dim

    def bytes_per_request(self, state_type: StateType | None = None) -> int:
        """One slot of state for all layers: the recurrent matrices, and the convolution's window.

        Qwen3.8-27B: 153.9 MB in float32 and 78.4 MB in bfloat16 (SGLang cookbook, Qwen3.8-27B.mdx).
        """
        element = STATE_BYTES[state_type or self.state_type]
        matrices = self.value_heads * self.key_head_dim * self.value_head_dim * element
        window = self.convolution_width * (self.kernel - 1) * CONVOLUTION_STATE_BYTES
        return self.layers * (matrices + window)

    def projections(self, hidden_size: int) -> int:
        """Linear layers of one layer that formats quantise: queries, keys, values and gate, output."""
        values = self.value_heads * self.value_head_dim
        return hidden_size * (self.convolution_width + values) + values * hidden_size

    def small(self, hidden_size: int) -> int:
        """The rest of one layer but its norm: decay and beta projections, convolution, decay and bias per head."""
        return 2 * self.value_heads * hidden_size + self.convolution_width * self.kernel + 2 * self.value_heads


class Vision(Row):
    """Vision tower with its merger. SGLang cuts it like the language model, unless --mm-enable-dp-encoder is set."""

    layers: Count
    hidden_size: Count
    intermediate_size: Count
    patch_values: Count
    """Values of one patch: channels x time x height x width."""
    positions: Count
    merged_patches: Count
    """Patches that become one token."""
    deepstack_layers: Annotated[int, Field(ge=0)] = 0
    """Layers whose output goes to the language model by a merger of its own."""
    output_size: Count

    @property
    def parameters(self) -> int:
        """All parameters of the tower."""
        hidden, inner = self.hidden_size, self.intermediate_size
        wide = hidden * self.merged_patches
        embedding = (self.patch_values + 1) * hidden + self.positions * hidden
        block = 4 * hidden + 4 * hidden * (hidden + 1) + 2 * hidden * inner + inner + hidden
        projection = wide * (wide + 1) + (wide + 1) * self.output_size
        mergers = 2 * hidden + projection + self.deepstack_layers * (2 * wide + projection)
        return embedding + self.layers * block + mergers
