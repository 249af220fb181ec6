from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_runtime.server.strict_json import read_json

FINITE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=FINITE, ascii_only=st.booleans())
def test_json_is_read_as_it_was_meant(value: object, ascii_only: bool) -> None:  # noqa: FBT001 - hypothesis passes it
    assert read_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 5000, "01", "+1", ".5"])
def test_what_is_no_finite_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(f'{{"temperature": {number}}}'.encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json('{"model": "é"}'.encode(encoding))


def test_half_a_surrogate_in_the_bytes_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        read_json(b'"\xed\xa0\x80"')
