"""JSON as RFC 8259 has it, which is less than Python's own reader takes. Pure.

``NaN``, ``Infinity`` and ``1e999`` would reach the sampling of an engine that everyone shares, and UTF-16 would be
forwarded with a field added in ASCII.
"""

from __future__ import annotations

import json
import math
from typing import Any


def read_json(body: bytes) -> Any:
    """The value in ``body``.

    Raises:
        ValueError: it is no JSON in UTF-8, or has a number that is not finite.
        RecursionError: it is nested too deeply.
    """
    return _DECODER.decode(body.decode())


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no finite number")
    return value


_DECODER = json.JSONDecoder(parse_float=_float, parse_constant=_float)
