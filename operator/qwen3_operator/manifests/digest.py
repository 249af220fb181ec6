"""A short fingerprint of a JSON value, the same in every process."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_LENGTH = 16


def digest(value: Any) -> str:
    """64 bits in hex: enough to tell versions of one object apart, short enough for an annotation."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
