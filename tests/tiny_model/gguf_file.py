"""`python -m tests.tiny_model.gguf_file MODEL_DIR FILE`: Qwen3-Tiny as a GGUF file in Q8_0, for llama.cpp.

What llama.cpp's own `convert_hf_to_gguf.py` writes for a dense Qwen3 model, without its need of torch: keys and tensor
names are those of the kept `gguf` package. A row of this model has 128 values: four blocks of Q8_0, and no whole block
of 256 that Q4_K_M consists of. In that format the model is written with rows of zeros beside its own (`widen`).
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
from numpy.typing import NDArray

from tests.tiny_model.gguf_formats import Q8_0, Format
from tests.tiny_model.widen import Tensors

NAME: Final = "qwen3-tiny-q8_0.gguf"
_ARCHITECTURE: Final = gguf.MODEL_ARCH.QWEN3
# What the llama.cpp converter finds for this tokenizer by its hash.
_PRE_TOKENIZER: Final = "qwen2"


def convert(model: Path, target: Path, form: Format = Q8_0) -> None:
    """Write the folder `model` as one file; whole or not at all."""
    config, tensors = form.shape(
        json.loads((model / "config.json").read_text()), _read_bfloat16(model / "model.safetensors")
    )
    work = target.with_name(f".{target.name}")
    writer = gguf.GGUFWriter(work, gguf.MODEL_ARCH_NAMES[_ARCHITECTURE])
    _describe(writer, config)
    writer.add_file_type(form.file_type)
    _add_tokenizer(writer, model, config)
    _add_tensors(writer, tensors, config["num_hidden_layers"], form)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    work.chmod(0o644)
    work.rename(target)


def _describe(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    writer.add_name("Qwen3-Tiny")
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])


def _add_tokenizer(writer: gguf.GGUFWriter, model: Path, config: Mapping[str, Any]) -> None:
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    settings = json.loads((model / "tokenizer_config.json").read_text())
    size = config["vocab_size"]
    tokens = [f"[PAD{number}]" for number in range(size)]
    kinds = [int(gguf.TokenType.UNUSED)] * size
    for token, number in tokenizer["model"]["vocab"].items():
        tokens[number], kinds[number] = token, gguf.TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_pad_token_id(config["bos_token_id"])
    writer.add_add_bos_token(value=False)
    writer.add_chat_template(settings["chat_template"])


def _add_tensors(writer: gguf.GGUFWriter, tensors: Tensors, layers: int, form: Format) -> None:
    names = gguf.get_tensor_name_map(_ARCHITECTURE, layers)
    for name, values in tensors.items():
        known = names.get_name(name, try_suffixes=(".weight",))
        if known is None:
            raise ValueError(f"{name}: GGUF's {gguf.MODEL_ARCH_NAMES[_ARCHITECTURE]} has no such tensor")
        kind = gguf.GGMLQuantizationType.F32 if values.ndim == 1 else form.kind(known, layers)
        writer.add_tensor(known, form.pack(values, kind), raw_dtype=kind)


def _read_bfloat16(path: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors of a file that holds nothing but bfloat16, which numpy does not know: the upper half of a float32."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, entry in header.items():
        if entry["dtype"] != "BF16":
            raise ValueError(f"{path}: {name} is {entry['dtype']}, only BF16 is read")
        begin, end = entry["data_offsets"]
        halves = np.frombuffer(data[begin:end], dtype="<u2").astype(np.uint32)
        tensors[name] = (halves << 16).view(np.float32).reshape(entry["shape"])
    return tensors


def main() -> int:
    """Convert and print the file."""
    parser = argparse.ArgumentParser(prog="python -m tests.tiny_model.gguf_file", description=__doc__)
    parser.add_argument("model", type=Path, help="folder of Qwen3-Tiny")
    parser.add_argument("file", type=Path, help="where the GGUF file goes")
    options = parser.parse_args()
    convert(options.model, options.file)
    print(options.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
