from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_operator.admission.warn import MAX_LENGTH, MAX_WARNINGS, warnings
from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.catalog import load_catalog
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import FailureReason, PlanFailure, plan
from tests.unit.admission.given import spec
from tests.unit.inventory.objects import gpu_node

CATALOG = load_catalog()


def _planned(gpus: int, **model: object) -> tuple[str, ...]:
    room = inventory([gpu_node("h100-0", count=gpus)], [], CATALOG)
    return warnings(plan(DeploymentSpec.model_validate(spec(**model)), room, CATALOG))


def _lines(message: str) -> tuple[str, ...]:
    return warnings(PlanFailure(FailureReason.NO_FIT, message))


def test_a_plan_is_no_warning() -> None:
    assert _planned(8) == ()


def test_no_fit_begins_with_the_reason_and_ends_with_a_way_out() -> None:
    found = _planned(1, name="Qwen3-235B-A22B")
    assert found[0].startswith("NoFit: ")
    assert "GB" in " ".join(found)
    assert "earest that would fit: " in found[-1]
    assert all(len(line) <= MAX_LENGTH for line in found)


def test_a_mistake_in_the_spec_is_named() -> None:
    (line,) = _planned(8, name="Qwen3-23B")
    assert line.startswith("UnknownModel: spec.model.name 'Qwen3-23B' is not known: did you mean Qwen3-32B")


def test_short_sentences_share_a_line() -> None:
    assert _lines("needs 4 x 64 GB, 2 free. Nearest that would fit: W8A8.") == (
        "NoFit: needs 4 x 64 GB, 2 free. Nearest that would fit: W8A8.",
    )


def test_a_long_text_is_cut_between_sentences() -> None:
    sentence = f"{'x ' * 99}x."
    assert _lines(f"A{sentence} B{sentence}") == (f"NoFit: A{sentence}", f"B{sentence}")


def test_a_long_sentence_is_cut() -> None:
    (line,) = _lines("y" * 400)
    assert len(line) == MAX_LENGTH
    assert line.endswith("y...")


def test_numbers_are_not_cut_in_two() -> None:
    text = "needs 47.9 GB per device, has 22.9 GB (1.5 times)."
    assert _lines(text) == (f"NoFit: {text}",)


def test_the_way_out_survives_where_there_is_too_much_to_say() -> None:
    long = [f"S{number}{'z' * 250}." for number in range(9)]
    found = _lines(" ".join(long))
    assert len(found) == MAX_WARNINGS
    assert found[0].startswith("NoFit: S0")
    assert found[-1] == long[-1]


@given(st.text())
def test_any_text_becomes_few_short_lines(message: str) -> None:
    found = _lines(message)
    assert 1 <= len(found) <= MAX_WARNINGS
    assert found[0].startswith("NoFit:")
    assert all(line == " ".join(line.split()) and len(line) <= MAX_LENGTH for line in found)


@pytest.mark.parametrize("character", ["\n", "\r\n", "\t"])
def test_a_header_line_holds_no_line_break(character: str) -> None:
    assert _lines(f"a{character}b") == ("NoFit: a b",)
