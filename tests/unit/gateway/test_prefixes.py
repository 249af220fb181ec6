"""What replicas have read, and which one a prompt goes to."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_runtime.gateway import prefixes
from qwen3_runtime.gateway.prefixes import MOST_PIECES, PIECE_CHARACTERS, Prefixes, read_prompt
from qwen3_runtime.gateway.replicas import Replicas
from qwen3_runtime.tenancy import Endpoint

A, B = "10.0.0.1:8080", "10.0.0.2:8080"
LONG = "x" * 8000
ONE = len("user\0one")


def chat(*contents: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content} for content in contents]} | fields


def replicas(*places: int) -> Replicas:
    found = Replicas()
    found.update(
        Endpoint(address=f"10.0.0.{number}:8080", placement="p", max_in_flight=held, weight=held)
        for number, held in enumerate(places, 1)
    )
    return found


def take(found: Replicas, request: dict[str, Any]) -> str:
    replica = found.choose(0.0, read_prompt(request))
    assert replica is not None
    replica.in_flight += 1
    return replica.endpoint.address


def test_the_next_turn_begins_as_the_one_before() -> None:
    first, second = read_prompt(chat("Hello")), read_prompt(chat("Hello", "Hi", "How are you?"))
    assert second[: len(first)] == first
    assert read_prompt(chat("Hallo", "Hi"))[0] != first[0]


@pytest.mark.parametrize(
    "other",
    [
        chat("Hello", model="adapter"),
        chat("Hello", tools=[{"type": "function", "function": {"name": "f"}}]),
        {"model": "m", "prompt": "Hello"},
    ],
)
def test_what_stands_before_the_text_makes_it_another(other: dict[str, Any]) -> None:
    assert {key for key, _ in read_prompt(other)}.isdisjoint(key for key, _ in read_prompt(chat("Hello")))


def test_two_questions_about_one_document_share_its_pieces() -> None:
    one, other = (read_prompt({"model": "m", "prompt": LONG + end}) for end in ("first", "second"))
    shared = sum(mine == its for mine, its in zip(one, other, strict=True))
    assert shared == len(LONG) // PIECE_CHARACTERS


@pytest.mark.parametrize(
    "request_",
    [{"model": "m", "input": "text"}, {"model": "m", "prompt": [1, 2, 3]}, chat(), chat(None), {"messages": 1}],
)
def test_what_has_no_text_has_no_prompt(request_: dict[str, Any]) -> None:
    assert sum(characters for _, characters in read_prompt(request_)) <= len("user")


def test_a_prompt_however_deep_or_long_takes_a_bounded_time() -> None:
    deep: Any = "end"
    for _ in range(100_000):
        deep = [deep]
    assert len(read_prompt(chat(deep))) == 1
    assert len(read_prompt(chat("x" * (PIECE_CHARACTERS * MOST_PIECES * 2)))) == MOST_PIECES
    assert len(read_prompt(chat(*["x"] * (MOST_PIECES * 2)))) == MOST_PIECES


def test_what_was_read_is_found_until_its_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "KEPT", 3)
    known = Prefixes()
    known.note(read_prompt(chat("one", "two")), A)
    known.note(read_prompt(chat("one", "three")), B)
    assert known.find(read_prompt(chat("one"))) == {A: ONE, B: ONE}
    assert known.find(read_prompt(chat("one", "two")))[A] > ONE
    known.note(read_prompt(chat("one", "four")), B)
    # Of four pieces the one is gone that was asked for longest ago.
    assert known.find(read_prompt(chat("one", "two"))) == {A: ONE, B: ONE}
    assert known.find(read_prompt(chat("one", "three")))[B] > ONE
    known.keep([A])
    assert known.find(read_prompt(chat("one", "three"))) == {A: ONE}


def test_a_chat_stays_where_it_was_read_while_there_is_room() -> None:
    found = replicas(4, 4)
    turns = [LONG]
    assert take(found, chat(*turns)) == A
    assert take(found, chat("y" * 8000)) == B
    assert take(found, chat("z" * 8000)) == A
    turns += ["answer", "next"]
    assert [take(found, chat(*turns)) for _ in range(3)] == [A, A, B]


def test_a_short_prompt_is_not_worth_a_fuller_replica() -> None:
    found = replicas(4, 4)
    assert [take(found, chat("Hello")) for _ in range(4)] == [A, B, A, B]


def test_without_a_known_beginning_twice_the_capacity_gets_twice_the_requests() -> None:
    found = replicas(4, 8)
    asked = [take(found, chat(f"{number}" + LONG)) for number in range(9)]
    assert (asked.count(A), asked.count(B)) == (3, 6)


def test_a_replica_that_is_out_or_gone_gets_nothing_of_what_it_has_read() -> None:
    found = replicas(4, 4)
    assert take(found, chat(LONG)) == A
    next(iter(found)).failed(0.0)
    assert take(found, chat(LONG, "more")) == B
    found.update([replica.endpoint for replica in found if replica.endpoint.address == B])
    assert take(found, chat(LONG, "more")) == B
