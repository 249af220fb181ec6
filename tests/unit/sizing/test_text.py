"""Numbers as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qwen3_operator.sizing.text import money, thousands


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("7.5", "7.50"),
        ("12.347", "12.35"),
        ("0.7", "0.70"),
        ("0.70364", "0.7036"),
        ("0.0042", "0.0042"),
        ("0", "0"),
        ("0.99999", "1.00"),
    ],
)
def test_money_has_two_decimals_and_more_where_it_is_little(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(9_999, "9999"), (137_539, "137k"), (9_999_999, "9999k"), (10_000_000, "10.0M"), (137_539_000, "137.5M")],
)
def test_counts_of_tokens_stay_short(count: int, text: str) -> None:
    assert thousands(count) == text
