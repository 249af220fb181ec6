"""Just enough of the GGUF format to see what a file holds and that it is whole.

A file is ``GGUF``, a version, counts, typed metadata, one description per tensor, and the tensors, aligned
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Little-endian files of versions 2 and 3 are read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Struct codes of the value types."""
_STRING, _ARRAY = 8, 9
_ALIGNMENT = 32
"""Unless ``general.alignment`` says otherwise."""
_COUNT_LIMIT = 10_000_000
"""No list of a real model is longer: the largest are the 150,000 words of a tokenizer."""
_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    30: (1, 2),  # BF16
}
"""Values and bytes of a block, by tensor type (``GGML_QUANT_SIZES`` of gguf-py 0.19.0, MIT)."""


class CorruptFileError(Exception):
    """The file's beginning is not that of a GGUF file."""


@dataclass(frozen=True)
class Header:
    """What the file says of itself."""

    metadata: dict[str, Any]
    """Scalars and strings. Of a list only its length is kept."""
    expected_size: int
    """Bytes that the file has at least: exactly so many where every tensor's type is known here."""
    is_exact: bool

    @property
    def architecture(self) -> str:
        """E.g. ``qwen3``: the prefix of the model's own keys."""
        return str(self.metadata.get("general.architecture", ""))

    def own(self, key: str) -> Any:
        """Value of ``<architecture>.<key>``, or None."""
        return self.metadata.get(f"{self.architecture}.{key}")


def read_header(path: Path) -> Header:
    """Header of a file. Reads a few megabytes, never the tensors.

    Raises:
        CorruptFileError: it is cut or no GGUF.
    """
    with path.open("rb") as file:
        try:
            return _read(file)
        except (struct.error, UnicodeDecodeError, KeyError, MemoryError) as error:
            raise CorruptFileError("its header is cut or damaged") from error


def _read(file: BinaryIO) -> Header:
    if file.read(len(MAGIC)) != MAGIC:
        raise CorruptFileError("it does not begin with GGUF")
    version = _scalar(file, "I")
    if version not in _VERSIONS:
        raise CorruptFileError(f"its version is {version}")
    tensors, pairs = _count(file), _count(file)
    metadata = {_string(file): _value(file, _scalar(file, "I")) for _ in range(pairs)}
    ends = [_tensor_end(file) for _ in range(tensors)]
    alignment = int(metadata.get("general.alignment", _ALIGNMENT))
    begin = -(-file.tell() // alignment) * alignment
    return Header(
        metadata=metadata,
        expected_size=begin + max((end for end, _ in ends), default=0),
        is_exact=all(known for _, known in ends),
    )


def _tensor_end(file: BinaryIO) -> tuple[int, bool]:
    """End of one tensor, relative to where tensors begin; the beginning alone where its type is unknown."""
    _string(file)
    shape = [_scalar(file, "Q") for _ in range(_scalar(file, "I"))]
    kind, offset = _scalar(file, "I"), _scalar(file, "Q")
    if kind not in _BLOCKS:
        return offset, False
    values, size = _BLOCKS[kind]
    return offset + prod(shape) // values * size, True


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        return _skip_list(file)
    return _scalar(file, _SCALARS[kind])


def _skip_list(file: BinaryIO) -> int:
    kind, count = _scalar(file, "I"), _count(file)
    for _ in range(count if kind in (_STRING, _ARRAY) else 0):
        _value(file, kind)
    if kind in _SCALARS:
        file.seek(count * struct.calcsize("<" + _SCALARS[kind]), 1)
    return count


def _string(file: BinaryIO) -> str:
    length = _count(file)
    text = file.read(length)
    if len(text) < length:
        raise CorruptFileError("its header is cut")
    return text.decode()


def _count(file: BinaryIO) -> int:
    count: int = _scalar(file, "Q")
    if count > _COUNT_LIMIT:
        raise CorruptFileError(f"its header counts {count} of something")
    return count


def _scalar(file: BinaryIO, code: str) -> Any:
    (value,) = struct.unpack("<" + code, file.read(struct.calcsize("<" + code)))
    return value
