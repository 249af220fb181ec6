"""How llama.cpp packs a model's matrices in the formats that are planned with: type of each, and who packs it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import gguf
import numpy as np

from tests.tiny_model.widen import widen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.tiny_model.widen import Tensors

    Shape = Callable[[Mapping[str, Any], Tensors], tuple[Mapping[str, Any], Tensors]]
    Pack = Callable[[NDArray[np.float32], gguf.GGMLQuantizationType], NDArray[Any]]

_Q4_K, _Q6_K = gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q6_K


@dataclass(frozen=True)
class Format:
    """One of llama.cpp's mixes of types."""

    file_type: gguf.LlamaFileType
    kind: Callable[[str, int], gguf.GGMLQuantizationType]
    """Of a matrix, by its name in the file and the number of layers."""
    pack: Pack
    shape: Shape
    """Makes of configuration and tensors a model whose rows are whole blocks."""


Q8_0: Final = Format(
    gguf.LlamaFileType.MOSTLY_Q8_0,
    lambda _name, _layers: gguf.GGMLQuantizationType.Q8_0,
    gguf.quants.quantize,
    lambda config, tensors: (config, tensors),
)


def q4_k_m(library: Path) -> Format:
    """Packed by llama.cpp's own ``ggml_quantize_chunk`` in ``library``: the `gguf` package only reads K-quants."""
    return Format(gguf.LlamaFileType.MOSTLY_Q4_K_M, q4_k_m_kind, _packer(library), widen)


def q4_k_m_kind(name: str, layers: int) -> gguf.GGMLQuantizationType:
    """As llama.cpp's ``llama_tensor_get_type`` (llama-quant.cpp) for a dense model with tied embeddings."""
    if name == "token_embd.weight":
        return _Q6_K
    if not name.endswith((".attn_v.weight", ".ffn_down.weight")):
        return _Q4_K
    layer, eighth = int(name.split(".")[1]), layers // 8
    has_more_bits = layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
    return _Q6_K if has_more_bits else _Q4_K


def _packer(library: Path) -> Pack:
    chunk = ctypes.CDLL(str(library)).ggml_quantize_chunk
    # type, source, target, first value, rows, values of a row, weights of the values' errors (none)
    count, pointer = ctypes.c_int64, ctypes.c_void_p
    chunk.argtypes = (ctypes.c_int, pointer, pointer, count, count, count, pointer)
    chunk.restype = ctypes.c_size_t

    def pack(values: NDArray[np.float32], kind: gguf.GGMLQuantizationType) -> NDArray[Any]:
        if kind is gguf.GGMLQuantizationType.F32:
            return values
        source = np.ascontiguousarray(values, dtype=np.float32)
        packed = np.empty(gguf.quants.quant_shape_to_byte_shape(source.shape, kind), dtype=np.uint8)
        written = chunk(kind, source.ctypes.data, packed.ctypes.data, 0, *source.shape, None)
        assert written == packed.nbytes, f"{written} bytes of {kind.name}, wanted {packed.nbytes}"
        return packed

    return pack
