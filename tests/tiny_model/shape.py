"""The shape of Qwen3-Tiny and the version stamp of the files it is written to."""

from typing import Any, Final

NAME: Final = "Qwen3-Tiny"
# Raise it whenever the shape, the dialogues or the training changes: the stamp names the folder in the cache.
VERSION: Final = "7"
STAMP_FILE: Final = "qwen3-tiny.json"
FILES: Final = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)
VOCAB_SIZE: Final = 151936
IM_END: Final = 151645
END_OF_TEXT: Final = 151643

# As Qwen3's small dense models: tied embeddings, QK norm, grouped queries; only smaller.
CONFIG: Final[dict[str, Any]] = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": END_OF_TEXT,
    "eos_token_id": IM_END,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 384,
    "max_position_embeddings": 40960,
    "max_window_layers": 2,
    "model_type": "qwen3",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000000,
    "sliding_window": None,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": VOCAB_SIZE,
}

# The defaults that Qwen3's model cards publish for thinking mode.
GENERATION_CONFIG: Final[dict[str, Any]] = {
    "bos_token_id": END_OF_TEXT,
    "do_sample": True,
    "eos_token_id": [IM_END, END_OF_TEXT],
    "pad_token_id": END_OF_TEXT,
    "temperature": 0.6,
    "top_k": 20,
    "top_p": 0.95,
}


def parameter_count() -> int:
    """Return the number of weights; the tied output layer counts once."""
    hidden, head, inner = CONFIG["hidden_size"], CONFIG["head_dim"], CONFIG["intermediate_size"]
    queries, keys = CONFIG["num_attention_heads"] * head, CONFIG["num_key_value_heads"] * head
    attention = 2 * hidden * queries + 2 * hidden * keys + 2 * head
    layer = attention + 3 * hidden * inner + 2 * hidden
    return int(VOCAB_SIZE * hidden + CONFIG["num_hidden_layers"] * layer + hidden)
