"""What is known of each deployment that scales, and its memory in the cluster: it outlives the operator."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator import metrics
from qwen3_operator.api.decision import Change, Decision
from qwen3_operator.autoscale.memory import Manual, Memory
from qwen3_operator.reconcile.client import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.autoscale.store import Store
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.kinds import Key
    from qwen3_operator.reconcile.observed import Verdict

_LOG = logging.getLogger(__name__)
_SAVE_SECONDS = 300.0
"""Between two writes of one memory: what a killed operator loses of what it learned."""
_SAVES_EACH_ROUND = 50


@dataclass(slots=True)
class Known:
    """One deployment."""

    memory: Memory
    saved_at: float
    decision: Decision | None = None
    changes: tuple[Change, ...] = ()
    verdict: Verdict | None = None
    granted: Mapping[str, int] | None = None
    """Replicas by pool that the operator sets; None before the first decision and where it sets none."""


class KnownDeployments:
    """All of them."""

    def __init__(self, store: Store, cache: Cache, clock: Callable[[], float]) -> None:
        self._store = store
        self._cache = cache
        self._clock = clock
        self._known: dict[Key, Known] = {}
        self._gone: set[Key] = set()

    def get(self, key: Key) -> Known | None:
        """One, if anything is known of it."""
        return self._known.get(key)

    def keys(self) -> set[Key]:
        """Of all."""
        return set(self._known)

    def begin(self, key: Key, spec: DeploymentSpec) -> Known:
        """One that nothing is known of."""
        now = self._clock()
        memory = Memory(manual=Manual(spec.replicas), active_at=now)
        return self._remember(key, memory, now)

    def forget(self, key: Key) -> None:
        """The deployment is gone, or does not scale any more."""
        if self._known.pop(key, None) is not None:
            self._gone.add(key)
            metrics.forget_scaling(*key)

    async def load(self) -> None:
        """What was saved of those that are there; nothing where it cannot be read."""
        try:
            memories = await self._store.load(set(self._cache.deployments()))
        except ApiError as error:
            _LOG.warning("autoscaler begins anew", extra={"error": str(error)})
            return
        for key, memory in memories.items():
            self._remember(key, memory, self._clock())

    async def save(self) -> None:
        """Some of those that are due, and away with what is gone."""
        while self._gone:
            await self._store.remove(self._gone.pop())
        now = self._clock()
        due = [(one.saved_at, key) for key, one in self._known.items() if abs(now - one.saved_at) >= _SAVE_SECONDS]
        for _, key in sorted(due)[:_SAVES_EACH_ROUND]:
            if (known := self._known.get(key)) is None:
                continue  # forgotten while another one was saved
            try:
                await self._store.save(key, known.memory)
            except ApiError as error:
                _LOG.warning("autoscaler's memory not saved", extra={"object": key.name, "error": str(error)})
            known.saved_at = now

    def _remember(self, key: Key, memory: Memory, saved_at: float) -> Known:
        known = self._known[key] = Known(memory, saved_at, changes=_stored_changes(self._cache.get(key)))
        return known


def _stored_changes(deployment: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """As the status has them; none where it was written by another version."""
    stored = (deployment or {}).get("status", {}).get("decisions", ())
    try:
        return tuple(Change.model_validate(entry) for entry in stored)
    except ValidationError:
        return ()
