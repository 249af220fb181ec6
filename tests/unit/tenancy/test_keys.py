from __future__ import annotations

import hashlib

import pytest

from qwen3_operator.tenancy.keys import MAX_LENGTH, read_secret
from tests.unit.tenancy.given import KEY, secret


def test_a_key_leaves_its_digest() -> None:
    assert secret(key=KEY).digests == {"key": hashlib.sha256(KEY.encode()).hexdigest()}
    assert secret(key=KEY).problems == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("k" * 31, "has 31 characters: 32 to 1024 are needed"),
        ("k" * (MAX_LENGTH + 1), "has 1025 characters"),
        (f"{KEY}\n", "ends with a line break"),
        (f"{KEY}\r", "ends with a line break"),
        (f"{KEY} {KEY}", "holds a space"),
        (f"{KEY}é", "not printable ASCII"),
        ("", "has 0 characters"),
    ],
)
def test_what_is_no_key_is_said_without_its_text(text: str, words: str) -> None:
    found = secret(key=text, other=KEY)
    assert found.digests.keys() == {"other"}
    assert words in found.problems["key"]
    assert KEY not in repr(found)


def test_what_is_not_base64_is_said() -> None:
    assert read_secret({"data": {"key": "?"}}).problems == {"key": "is not base64"}
    assert read_secret({}).digests == {}
