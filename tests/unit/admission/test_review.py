from __future__ import annotations

from typing import Any

import pytest

from qwen3_operator.admission.review import allowed, parse
from tests.unit.admission.given import review, spec


def test_a_create() -> None:
    found = parse(review(spec()))
    assert (found.uid, found.namespace, found.name) == ("705ab4f5-6393-11e8-b7cc-42010a800002", "team-a", "chat")
    assert found.spec == spec()
    assert (found.old_spec, found.status) == ({}, {})
    assert not found.is_unchanged


def test_an_update() -> None:
    found = parse(review(spec(name="Qwen3-8B"), old=spec()))
    assert found.old_spec == spec()
    assert found.status == {"replicas": 1}
    assert not found.is_unchanged
    assert parse(review(spec(), old=spec())).is_unchanged


@pytest.mark.parametrize(
    "body", [{}, [], {"apiVersion": "admission.k8s.io/v1"}, {"apiVersion": "admission.k8s.io/v1beta1", "request": {}}]
)
def test_what_is_no_review(body: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse(body)


def test_the_answer_repeats_the_question_and_never_refuses() -> None:
    assert allowed("a") == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "a", "allowed": True},
    }
    assert allowed("a", ["b", "c"])["response"] == {"uid": "a", "allowed": True, "warnings": ["b", "c"]}
