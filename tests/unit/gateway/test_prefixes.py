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
    """The user and the assistant in turns."""
    messages = [
        {"role": "assistant" if number % 2 else "user", "content": content} for number, content in enumerate(contents)
    ]
    return {"model": "m", "messages": messages} | fields


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
    assert second.pieces[: len(first.pieces)] == first.pieces
    assert (second.chat, second.before) == (first.chat, first.pieces[-1].characters)
    assert first.before == 0
    other = read_prompt(chat("Hallo", "Hi"))
    assert other.pieces[0] != first.pieces[0]
    assert other.chat != first.chat


@pytest.mark.parametrize(
    "other",
    [
        chat("Hello", model="adapter"),
        chat("Hello", tools=[{"type": "function", "function": {"name": "f"}}]),
        {"model": "m", "prompt": "Hello"},
    ],
)
def test_what_stands_before_the_text_makes_it_another(other: dict[str, Any]) -> None:
    found, hello = read_prompt(other), read_prompt(chat("Hello"))
    assert {key for key, _ in found.pieces}.isdisjoint(key for key, _ in hello.pieces)
    assert found.chat != hello.chat


def test_half_a_character_in_a_name_or_a_text_is_a_text_too() -> None:
    """JSON can say it (`\\ud800`), and no encoding has it."""
    assert read_prompt(chat("\ud800", model="\ud800")).chat is not None


def test_two_questions_about_one_document_share_its_pieces() -> None:
    one, other = (read_prompt({"model": "m", "prompt": LONG + end}) for end in ("first", "second"))
    shared = sum(mine == its for mine, its in zip(one.pieces, other.pieces, strict=True))
    assert shared == len(LONG) // PIECE_CHARACTERS


@pytest.mark.parametrize(
    "request_",
    [{"model": "m", "input": "text"}, {"model": "m", "prompt": [1, 2, 3]}, chat(), chat(None), {"messages": 1}],
)
def test_what_has_no_text_has_no_prompt(request_: dict[str, Any]) -> None:
    found = read_prompt(request_)
    assert sum(characters for _, characters in found.pieces) <= len("user")


def test_a_prompt_however_deep_or_long_takes_a_bounded_time() -> None:
    deep: Any = "end"
    for _ in range(100_000):
        deep = [deep]
    assert len(read_prompt(chat(deep)).pieces) == 1
    assert len(read_prompt(chat("x" * (PIECE_CHARACTERS * MOST_PIECES * 2))).pieces) == MOST_PIECES
    assert len(read_prompt(chat(*["x"] * (MOST_PIECES * 2))).pieces) == MOST_PIECES


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
    # The home first; then both have read it, and the one that is listed first comes first.
    assert [take(found, chat("Hello")) for _ in range(4)] == [B, A, A, B]


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


def test_gateways_that_know_nothing_of_each_other_send_a_chat_to_the_same_replica() -> None:
    """Before any has seen it: what the system says is said in other chats too, what the user says first is not."""
    instructions = {"role": "system", "content": LONG}
    homes = set[str]()
    for number in range(20):
        turns = [f"question {number}", "answer", "next", "answer", "last"]
        messages = [chat(*turns[:said])["messages"] for said in (1, 3, 5)]
        taken = {take(replicas(4, 4, 4), chat() | {"messages": [instructions, *said]}) for said in messages}
        assert len(taken) == 1
        homes |= taken
    assert len(homes) == 3


@pytest.mark.parametrize(
    ("turns", "in_flight", "is_home"),
    [(1, 9, True), (1, 11, False), (3, 39, True), (3, 40, False)],
    ids=["begins", "begins, a quarter fuller", "goes on", "goes on, full"],
)
def test_a_chats_home_may_be_fuller_by_a_part_of_its_places(turns: int, in_flight: int, *, is_home: bool) -> None:
    asked = chat(*[LONG] * turns)
    home, found = take(replicas(40, 40), asked), replicas(40, 40)
    next(replica for replica in found if replica.endpoint.address == home).in_flight = in_flight
    assert (take(found, asked) == home) is is_home


def test_where_there_is_no_replica_none_is_chosen() -> None:
    assert replicas().choose(0.0, read_prompt(chat(LONG))) is None


def test_homes_are_shared_out_by_capacity_and_stay_where_one_replica_more_comes() -> None:
    before, after = replicas(4, 8), replicas(4, 8, 4)

    def homes(found: Replicas) -> list[str]:
        taken = []
        for number in range(2000):
            taken.append(take(found, chat(f"{number}" + LONG)))
            for replica in found:
                replica.in_flight = 0
        return taken

    old, new = homes(before), homes(after)
    assert old.count(B) / old.count(A) == pytest.approx(2, rel=0.15)
    moved = [address for address, was in zip(new, old, strict=True) if address != was]
    assert set(moved) == {"10.0.0.3:8080"}
    assert len(moved) / len(old) == pytest.approx(1 / 4, rel=0.15)
