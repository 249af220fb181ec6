"""Keys as they leave a Secret: digests, or why an entry is no key. Pure.

The plain text is looked at here and nowhere else; no message says more of it than its length.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qwen3_runtime.tenancy import KEY_MIN_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LENGTH = 1024
"""Keys travel in a header."""
_PRINTABLE = range(0x21, 0x7F)


@dataclass(frozen=True)
class KeySecret:
    """What is kept of a Secret of keys."""

    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 in hexadecimal digits, by entry."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Why an entry is no key, in words that follow its name."""


def read_secret(secret: Mapping[str, Any]) -> KeySecret:
    """Digests of the keys that a Secret holds."""
    digests: dict[str, str] = {}
    problems: dict[str, str] = {}
    for entry, text in (secret.get("data") or {}).items():
        try:
            plain = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            problems[entry] = "is not base64"
            continue
        if problem := _problem(plain):
            problems[entry] = problem
        else:
            digests[entry] = hashlib.sha256(plain).hexdigest()
    return KeySecret(digests, problems)


def _problem(plain: bytes) -> str:
    """Empty for a key."""
    if plain.endswith((b"\n", b"\r")):
        return "ends with a line break: write it without one, e.g. with printf or --from-literal"
    if any(byte not in _PRINTABLE for byte in plain):
        return "holds a space or a character that is not printable ASCII"
    if not KEY_MIN_CHARACTERS <= len(plain) <= MAX_LENGTH:
        wanted = f"{KEY_MIN_CHARACTERS} to {MAX_LENGTH} are needed, e.g. of `openssl rand -hex 32`"
        return f"has {len(plain)} characters: {wanted}"
    return ""
