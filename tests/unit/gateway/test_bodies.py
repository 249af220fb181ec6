"""How much of all bodies is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.gateway.bodies import Bodies, memory
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from pathlib import Path


def refusal(bodies: Bodies, tenant: str, size: int) -> int:
    with pytest.raises(InterruptedRequestError) as caught:
        bodies.holding().take(tenant, size)
    assert (b"retry-after", b"1") in caught.value.answer.headers
    return caught.value.answer.status


def test_a_tenant_holds_half_and_all_the_room() -> None:
    bodies = Bodies(1000)
    first = bodies.holding()
    first.take("a", 300)
    first.take("a", 200)
    assert refusal(bodies, "a", 1) == 429
    second, third = bodies.holding(), bodies.holding()
    second.take("b", 400)
    third.take("c", 100)
    assert bodies.held == 1000
    assert refusal(bodies, "c", 1) == 503
    first.give_back()
    assert bodies.held == 500
    bodies.holding().take("a", 500)


def test_a_refused_request_gives_back_what_it_has() -> None:
    bodies = Bodies(1000)
    holding = bodies.holding()
    holding.take("a", 400)
    with pytest.raises(InterruptedRequestError):
        holding.take("a", 101)
    assert bodies.held == 400
    holding.give_back()
    assert bodies.held == 0


def test_an_empty_body_leaves_nothing_behind() -> None:
    bodies = Bodies(1000)
    holding = bodies.holding()
    holding.take("a", 0)
    holding.give_back()
    assert not bodies._held


@pytest.mark.parametrize(("said", "expected"), [("1048576\n", 1 << 20), ("max\n", None), ("9" * 30, None)])
def test_memory_of_the_container(tmp_path: Path, said: str, expected: int | None) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(said)
    machine = memory(tmp_path / "there is none")
    assert machine > 1 << 28
    assert memory(limit) == (expected or machine)
