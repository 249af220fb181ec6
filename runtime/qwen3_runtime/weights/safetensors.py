"""Just enough of the safetensors format to see that a file is whole.

A file is an 8-byte little-endian header length, a JSON header, and the tensors; every header entry has
``data_offsets`` relative to the header's end (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Shapes = dict[str, tuple[int, ...]]
"""Of tensors, by name."""
LENGTH_BYTES = 8
HEADER_LIMIT = 100_000_000
"""The format's own limit for a header, in bytes."""


class CorruptFileError(Exception):
    """The file's beginning is not that of a safetensors file."""


def read_header(path: Path) -> tuple[Shapes, int]:
    """Shapes of the tensors, and the bytes that the file must have. Reads the header only.

    Raises:
        CorruptFileError: the header is missing, cut or no JSON.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if not 0 < length <= HEADER_LIMIT:
            raise CorruptFileError(f"its header claims {length} bytes")
        header = file.read(length)
    try:
        tensors = json.loads(header)
        tensors.pop("__metadata__", None)
        shapes = {name: tuple(entry["shape"]) for name, entry in tensors.items()}
        ends = [entry["data_offsets"][1] for entry in tensors.values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFileError("its header is cut or no JSON") from error
    return shapes, LENGTH_BYTES + length + max(ends, default=0)
