"""A model's shape from its ``config.json``, as the repositories on Hugging Face and ModelScope have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from qwen3_operator.catalog.shapes import Count, Experts, Recurrent, StateType, Vision

if TYPE_CHECKING:
    from collections.abc import Mapping

NESTED = (("text_config",), ("thinker_config", "text_config"))
"""Where multimodal models keep the shape of their language model."""
LINEAR = "linear_attention"


class _Known(BaseModel):
    """Only what is asked for is read: configs hold much that does not bear on sizes."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TextConfig(_Known):
    """The keys of the language model."""

    num_hidden_layers: Count
    hidden_size: Count
    intermediate_size: int = Field(0, ge=0)
    num_attention_heads: Count
    num_key_value_heads: Count
    head_dim: Count | None = None
    vocab_size: Count
    max_position_embeddings: Count
    tie_word_embeddings: bool | None = None
    attn_output_gate: bool = False
    mtp_num_hidden_layers: int = Field(0, ge=0)
    layer_types: tuple[str, ...] = ()
    full_attention_interval: Count | None = None
    linear_num_key_heads: Count | None = None
    linear_num_value_heads: Count = 1
    linear_key_head_dim: Count = 128
    linear_value_head_dim: Count = 128
    linear_conv_kernel_dim: Count = 4
    mamba_ssm_dtype: StateType = "float32"
    num_experts: Count | None = None
    num_experts_per_tok: Count = 1
    moe_intermediate_size: Count = 1
    shared_expert_intermediate_size: int = Field(0, ge=0)


class VisionConfig(_Known):
    """The keys of the vision tower of Qwen3-VL and later."""

    depth: Count
    hidden_size: Count
    intermediate_size: Count
    in_channels: Count
    patch_size: Count
    temporal_patch_size: Count
    spatial_merge_size: Count
    num_position_embeddings: Count
    out_hidden_size: Count
    deepstack_visual_indexes: tuple[int, ...] = ()


def shape(config: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``Model`` that follow from a config.json.

    Raises:
        ValidationError: a key that sizes depend on is missing or is no number.
    """
    prefix, nested = _language_model(config)
    text = TextConfig.model_validate(nested)
    model_type = str(config.get("model_type", ""))
    tied = config.get("tie_word_embeddings", text.tie_word_embeddings)
    return {
        "model_type": model_type,
        "config_prefix": prefix,
        "layers": text.num_hidden_layers,
        "hidden_size": text.hidden_size,
        "intermediate_size": text.intermediate_size,
        "heads": text.num_attention_heads,
        "kv_heads": text.num_key_value_heads,
        "head_dim": text.head_dim or text.hidden_size // text.num_attention_heads,
        "vocab_size": text.vocab_size,
        "tied_embeddings": bool(tied),
        "output_gate": text.attn_output_gate or model_type == "qwen3_next",
        "query_norm": not model_type.startswith("qwen2"),
        "qkv_bias": model_type.startswith("qwen2"),
        "experts": _experts(text),
        "recurrent": _recurrent(text),
        "vision": _vision(config),
        "mtp_layers": text.mtp_num_hidden_layers,
        "max_position_embeddings": text.max_position_embeddings,
    }


def _language_model(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for path in NESTED:
        found: Any = config
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            return "".join(f"{key}." for key in path), found
    return "", config


def _experts(text: TextConfig) -> Experts | None:
    if text.num_experts is None:
        return None
    return Experts(
        count=text.num_experts,
        per_token=text.num_experts_per_tok,
        intermediate_size=text.moe_intermediate_size,
        shared_intermediate_size=text.shared_expert_intermediate_size,
    )


def _recurrent(text: TextConfig) -> Recurrent | None:
    if text.linear_num_key_heads is None:
        return None
    layers = text.layer_types.count(LINEAR)
    if not text.layer_types and text.full_attention_interval:
        layers = text.num_hidden_layers - text.num_hidden_layers // text.full_attention_interval
    return Recurrent(
        layers=layers,
        key_heads=text.linear_num_key_heads,
        value_heads=text.linear_num_value_heads,
        key_head_dim=text.linear_key_head_dim,
        value_head_dim=text.linear_value_head_dim,
        kernel=text.linear_conv_kernel_dim,
        state_type=text.mamba_ssm_dtype,
    )


def _vision(config: Mapping[str, Any]) -> Vision | None:
    if "vision_config" not in config:
        return None
    tower = VisionConfig.model_validate(config["vision_config"])
    return Vision(
        layers=tower.depth,
        hidden_size=tower.hidden_size,
        intermediate_size=tower.intermediate_size,
        patch_values=tower.in_channels * tower.temporal_patch_size * tower.patch_size**2,
        positions=tower.num_position_embeddings,
        merged_patches=tower.spatial_merge_size**2,
        deepstack_layers=len(tower.deepstack_visual_indexes),
        output_size=tower.out_hidden_size,
    )
