"""docs/accuracy.md is what its generator writes.

What follows from the constants that ship must be the same to the digit. Predictions of rows that were left out take a
calibration for each group, too long for a unit test: of those the form is compared, with every number masked.
"""

from __future__ import annotations

import re

import pytest

from bench.accuracy.errors import chosen
from bench.accuracy.fit import predict
from bench.accuracy.open_loop import open_loop
from bench.accuracy.report import DOCS, SLOW_GROUP, constants_of, page, texts
from bench.accuracy.rows import measured
from qwen3_operator.catalog import load_catalog

PAGE = (DOCS / "accuracy.md").read_text(encoding="utf-8")
RENEW = "python -m bench.accuracy renews it"
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


@pytest.fixture(scope="module")
def parts() -> dict[str, str]:
    catalog = load_catalog()
    rows = measured(catalog)
    predicted = predict(rows, constants_of(catalog))
    slow = chosen(predicted, lambda row: row.group == SLOW_GROUP)
    return dict(texts(catalog, rows, predicted, slow, open_loop(catalog)))


@pytest.mark.parametrize("name", ["fitted", "open_loop", "reported", "b200", "sizes"])
def test_the_page_says_what_the_constants_that_ship_give(parts: dict[str, str], name: str) -> None:
    assert parts[name] in PAGE, RENEW


def test_the_page_has_the_form_that_the_generator_gives_it(parts: dict[str, str]) -> None:
    assert _form(page(parts)) == _form(PAGE), RENEW


def _form(text: str) -> str:
    """The page without numbers and without what depends on them alone."""
    return _NUMBER.sub("#", text.replace("**missed**", "met"))
