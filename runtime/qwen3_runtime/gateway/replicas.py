"""The replicas of one route: which one takes the next request."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

from qwen3_runtime.gateway.prefixes import NO_PROMPT, Prefixes, Prompt
from qwen3_runtime.server.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from qwen3_runtime.tenancy import Endpoint

OUT_SECONDS = 2.0
"""A replica that failed gets no request for so long, doubled at each failure in a row. About twice the time in which
Kubernetes takes a dead pod's endpoint away (one second for the watch here, one for the kubelet's own)."""
OUT_MAX_SECONDS = 30.0
LACKS_SECONDS = 3.0
"""A pod looks again so long after it found that an adapter is not right."""
WHOLE_PROMPT_IS_WORTH = 1.0
"""Of a replica's places: so much fuller than another may be who has read the whole prompt before. Every place is within
what the plan allows. With a half more chats are moved, with more than one hardly fewer (docs/gateway.md)."""
HOME_AT_FIRST_IS_WORTH = 0.25
"""Likewise, for the replica that all gateways agree upon for a chat, at its first turn, which is as new to all replicas
and may be the only one. Later, where another gateway sent the last turn, it has probably read the whole."""
SHORT_CHARACTERS = 4096
"""A prompt below this, about a thousand tokens, is worth less: it is soon read anew."""

_MIX, _64_BITS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB), 2**64 - 1
"""Multipliers of splitmix64 (Steele, Lea and Flood, 2014): a CRC alone is too much like that of the next address."""


@dataclass(eq=False)
class Replica:
    """One endpoint and what the gateway has seen of it."""

    endpoint: Endpoint
    upstream: Upstream
    number: int
    """Made from its address, so the same in every gateway."""
    in_flight: int = 0
    out_until: float = 0.0
    failures: int = 0
    """In a row."""
    without: dict[str, float] = field(default_factory=dict)
    """Loop time at which it last said that it lacks an adapter, by the adapter's name."""

    def takes(self, now: float) -> bool:
        """Whether it may have one request more."""
        return self.in_flight < self.endpoint.max_in_flight and self.out_until <= now

    def failed(self, now: float) -> None:
        """Leave it out for a while: its connection broke or it said that it is not ready."""
        self.out_until = now + min(OUT_MAX_SECONDS, OUT_SECONDS * 2**self.failures)
        self.failures += 1

    def answered(self) -> None:
        """It is well."""
        self.failures = 0

    def lacks(self, adapter: str, now: float) -> None:
        """Others are asked for the adapter first, for a while."""
        self.without[adapter] = now

    def is_without(self, adapter: str, now: float) -> bool:
        """Whether it lacked the adapter a moment ago."""
        return self.without.get(adapter, -math.inf) + LACKS_SECONDS > now


class Replicas:
    """All replicas of one route. Those that stay in an update keep what is known of them."""

    def __init__(self) -> None:
        self._by_address: dict[str, Replica] = {}
        self._prefixes = Prefixes()

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._by_address.values())

    def update(self, endpoints: Iterable[Endpoint]) -> None:
        """Take over the ready endpoints; a running request on one that is gone goes on."""
        old, self._by_address = self._by_address, {}
        for endpoint in endpoints:
            replica = old.pop(endpoint.address, None) or _replica(endpoint)
            replica.endpoint = endpoint
            self._by_address[endpoint.address] = replica
        for replica in old.values():
            replica.upstream.close()
        if old:
            self._prefixes.keep(self._by_address)

    def has_room(self, now: float) -> bool:
        """Whether any takes one request more."""
        return any(replica.takes(now) for replica in self)

    def choose(
        self, now: float, prompt: Prompt = NO_PROMPT, avoid: AbstractSet[Replica] = frozenset()
    ) -> Replica | None:
        """The replica with the least work in flight for its weight, or None when all are full or out.

        One that has read the prompt's beginning counts as emptier by a part of its places, and so does the home of the
        chat, to which other gateways may have sent it. ``avoid`` come last.
        """
        able = [replica for replica in self if replica.takes(now)]
        if avoid:
            able = [replica for replica in able if replica not in avoid] or able
        if not prompt.pieces or len(self) <= 1:
            return min(able, key=_load, default=None)
        has = self._has(prompt)
        chosen = min(able, key=lambda one: _load(one, has.get(one, 0.0)), default=None)
        if chosen is not None:
            self._prefixes.note(prompt, chosen.endpoint.address)
        return chosen

    def _has(self, prompt: Prompt) -> dict[Replica, float]:
        """What replicas are likely to have of the prompt, in shares of their places."""
        characters = prompt.pieces[-1].characters
        whole = max(characters, SHORT_CHARACTERS)
        read = {self._by_address[address]: count for address, count in self._prefixes.find(prompt).items()}
        has = {replica: WHOLE_PROMPT_IS_WORTH * count / whole for replica, count in read.items()}
        if prompt.chat is not None and not 0 < prompt.before <= max(read.values(), default=0):
            home = max(self, key=partial(_affinity, prompt.chat))
            worth = WHOLE_PROMPT_IS_WORTH if prompt.before else HOME_AT_FIRST_IS_WORTH
            has[home] = max(has.get(home, 0.0), worth * characters / whole)
        return has


def _affinity(chat: int, replica: Replica) -> float:
    """The replica with the highest is a chat's home, the same in every gateway.

    Weighted rendezvous hashing (Schindler and Schomaker, 2005): few chats move with a replica that comes or goes.
    """
    mixed = (chat << 32 | replica.number) * _MIX[0] & _64_BITS
    mixed = (mixed ^ mixed >> 32) * _MIX[1] & _64_BITS
    return math.log((mixed + 0.5) / _64_BITS) / replica.endpoint.weight


def _load(replica: Replica, has: float = 0.0) -> float:
    """With one request more, for its weight. ``has``: what it has of the prompt, in shares of its places."""
    endpoint = replica.endpoint
    return (replica.in_flight + 1 - has * endpoint.max_in_flight) / endpoint.weight


def _replica(endpoint: Endpoint) -> Replica:
    host, _, port = endpoint.address.rpartition(":")
    return Replica(endpoint, Upstream(int(port), host.strip("[]")), crc32(endpoint.address.encode()))
