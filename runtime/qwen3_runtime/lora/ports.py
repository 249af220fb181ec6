"""What the keeper of adapters has done by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qwen3_runtime.config import AdapterFiles, AdapterReport, AdapterState
    from qwen3_runtime.weights.problem import Problem

    Tell = Callable[[AdapterState, Problem | None], None]
    """Takes what becomes of an adapter."""


REFUSED = "AdapterRefused"
"""Reason of an adapter that the engine does not take."""


class Hands(Protocol):
    """Of a pod, or of a test."""

    async def bring(self, files: AdapterFiles, tell: Tell) -> None:
        """Return when an adapter is there and right. May be cancelled."""

    async def load(self, files: AdapterFiles) -> None:
        """Have the engine serve it. Raises `FoundError`; the engine may have it then."""

    async def unload(self, files: AdapterFiles) -> None:
        """Have the engine forget it when no request to it runs any more. Its files stay. Raises `FoundError`."""

    async def release(self, files: AdapterFiles) -> None:
        """Its files may be removed by whoever needs the room."""

    def offer(self, names: Iterable[str], changing: Iterable[str]) -> None:
        """Requests may carry ``names``; those in ``changing`` come back in a moment."""

    def show(self, reports: tuple[AdapterReport, ...]) -> None:
        """Publish how the adapters are."""
