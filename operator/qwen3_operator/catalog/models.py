"""Models: shapes, what follows from them, and the checkpoints that exist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qwen3_operator.api.deployment import Quantization  # noqa: TC001  # pydantic reads it at run time
from qwen3_operator.catalog.base import Row

Count = Annotated[int, Field(ge=1)]
BF16_BYTES = 2


class Experts(Row):
    """Routed experts of a mixture-of-experts model."""

    count: Count
    per_token: Count
    intermediate_size: Count


class Checkpoint(Row):
    """One format in which the weights exist."""

    quantization: Quantization
    bytes: Count
    """Size of the weights in one copy."""
    size: Literal["repository", "computed"]
    """Where ``bytes`` comes from: stated for the repository, or computed from the shapes."""
    repository: str
    """Repository id on Hugging Face and ModelScope; empty for a model that the project makes."""
    source: str


class Model(Row):
    """A model by its shapes. Counts are in parameters, lengths in tokens."""

    name: str
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
    experts: Experts | None = None
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
    def embedding_parameters(self) -> int:
        """Embedding, and the output head where it is not the same matrix."""
        return self.vocab_size * self.hidden_size * (1 if self.tied_embeddings else 2)

    @property
    def kv_projection_parameters(self) -> int:
        """Key and value projections of all layers, which are copied where there are more devices than KV heads."""
        return self.layers * 2 * self.hidden_size * self.kv_heads * self.head_dim

    @property
    def replicated_parameters(self) -> int:
        """What every device holds whole: norms, query and key norms, routers."""
        router = self.experts.count * self.hidden_size if self.experts else 0
        return self.layers * (2 * self.hidden_size + 2 * self.head_dim + router) + self.hidden_size

    @property
    def parameters(self) -> int:
        """All parameters."""
        attention = self.layers * 2 * self.hidden_size * self.heads * self.head_dim + self.kv_projection_parameters
        experts, width = (
            (self.experts.count, self.experts.intermediate_size)
            if self.experts
            else (
                1,
                self.intermediate_size,
            )
        )
        feed_forward = self.layers * experts * 3 * self.hidden_size * width
        return self.embedding_parameters + attention + feed_forward + self.replicated_parameters

    def kv_bytes_per_token(self, tensor_parallel: int) -> int:
        """BF16 KV cache of one token on one of ``tensor_parallel`` devices; a device holds at least one KV head."""
        heads = max(1, self.kv_heads // tensor_parallel)
        return heads * 2 * self.head_dim * self.layers * BF16_BYTES

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


class QuantizationFormat(Row):
    """A format of weights and what it needs of the device."""

    name: Quantization
    rank: Count
    """Order of quality, best first."""
    devices: tuple[Literal["cuda", "npu", "cpu"], ...]
    min_compute_capability: float | None = None
    """Of NVIDIA devices."""
    block_size: Count | None = None
    """Partitions of linear layers must be multiples of it."""
    source: str
