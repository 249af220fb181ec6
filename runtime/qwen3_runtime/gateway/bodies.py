"""How many bytes of bodies all requests under way may hold, so that nobody's prompts end the process for everybody."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from qwen3_runtime.gateway import errors
from qwen3_runtime.server.traffic import InterruptedRequestError

PART_OF_MEMORY = 4
"""Bodies get a fourth of it: read, taken apart and written anew a body is there up to three times."""
PART_OF_TENANT = 2
"""Of that room, for one tenant."""
_LIMIT = Path("/sys/fs/cgroup/memory.max")
"""Of the container, in bytes or "max" (Linux, cgroup-v2.rst)."""


def memory(limit: Path = _LIMIT) -> int:
    """Bytes that this process may use: the container's limit, else the machine's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(limit.read_text()))
    except (OSError, ValueError):
        return machine


class Bodies:
    """The room of one process."""

    def __init__(self, room: int) -> None:
        """``room`` in bytes."""
        self._room, self._share = room, room // PART_OF_TENANT
        self._held = Counter[str]()
        self.held = 0
        """Bytes of all."""

    def holding(self) -> Holding:
        """What one more request holds: nothing yet."""
        return Holding(self)

    def take(self, tenant: str, more: int) -> None:
        """So many bytes more.

        Raises:
            InterruptedRequestError: they are not to be had; 429 where the tenant itself holds its part, else 503.
        """
        if self._held[tenant] + more > self._share:
            raise InterruptedRequestError(errors.bodies_of_tenant(self._share))
        if self.held + more > self._room:
            raise InterruptedRequestError(errors.BODIES_OF_ALL)
        self._held[tenant] += more
        self.held += more

    def give_back(self, tenant: str, size: int) -> None:
        """What was taken."""
        self.held -= size
        self._held[tenant] -= size
        if not self._held[tenant]:
            del self._held[tenant]


class Holding:
    """What one request holds."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._tenant, self._size = "", 0

    def take(self, tenant: str, more: int) -> None:
        """So many bytes more of its tenant's, which is one; raises as `Bodies.take`."""
        self._bodies.take(tenant, more)
        self._tenant = tenant
        self._size += more

    def give_back(self) -> None:
        """At the request's end."""
        if self._tenant:
            self._bodies.give_back(self._tenant, self._size)
