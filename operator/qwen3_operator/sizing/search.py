"""Which candidates the replicas go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.sizing.candidates import Candidate

Assigned = list[tuple["Candidate", int]]


def assign(found: Sequence[Candidate], replicas: int) -> Assigned | None:
    """Replicas by candidate: all in the best pool that has the room, else spread over pools; None without room.

    ``found`` is ordered, the best first; a pool is used with one shape only.
    """
    working = [candidate for candidate in found if candidate.problem is None]
    whole = next((candidate for candidate in working if candidate.room >= replicas), None)
    if whole:
        return [(whole, replicas)]
    assigned: Assigned = []
    used: set[str] = set()
    left = replicas
    for candidate in working:
        if candidate.pool.name in used or not candidate.room or not left:
            continue
        count = min(left, candidate.room)
        assigned.append((candidate, count))
        used.add(candidate.pool.name)
        left -= count
    return None if left else assigned
