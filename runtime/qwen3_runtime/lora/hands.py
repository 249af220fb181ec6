"""What it takes to change a running engine's adapters: fetch, check, load, unload, and who may ask for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from qwen3_runtime.config import AdapterState, Phase
from qwen3_runtime.lora.keeper import RETRY_SECONDS
from qwen3_runtime.lora.loader import Loader
from qwen3_runtime.server.prepare import fields_of, served
from qwen3_runtime.weights import check_adapter
from qwen3_runtime.weights.fetch.supervisor import Supervisor
from qwen3_runtime.weights.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qwen3_runtime.config import AdapterFiles, AdapterReport, RuntimeConfig
    from qwen3_runtime.engines.base import Adapter
    from qwen3_runtime.lora.ports import Tell
    from qwen3_runtime.phases import Phases
    from qwen3_runtime.server.prepare import Served
    from qwen3_runtime.server.traffic import Traffic
    from qwen3_runtime.server.upstream import Upstream


class PodHands:
    """The `Hands` of one pod."""

    def __init__(
        self,
        config: RuntimeConfig,
        adapter: Adapter,
        upstream: Upstream,
        offer: Callable[[Served], None],
        *,
        traffic: Traffic,
        phases: Phases,
    ) -> None:
        self._config = config
        self._loader = Loader(adapter, upstream)
        self._adapter = adapter
        self._offer = offer
        self._traffic = traffic
        self._phases = phases
        self._supervisors: dict[tuple[str, str], Supervisor] = {}

    async def bring(self, files: AdapterFiles, tell: Tell) -> None:
        """Fetch and check; a source or folder that is not right is asked again for as long as it takes."""
        try:
            await self._fetch(files, tell)
            while (problem := await asyncio.to_thread(check_adapter, self._config, files)) is not None:
                tell(AdapterState.INVALID, problem)
                await asyncio.sleep(RETRY_SECONDS)
        except asyncio.CancelledError:
            await self.release(files)
            raise

    async def load(self, files: AdapterFiles) -> None:
        """As the loader does."""
        await self._loader.load(files)

    async def unload(self, files: AdapterFiles) -> None:
        """After its last request."""
        await self._traffic.without(files.name)
        await self._loader.unload(files.name)

    async def release(self, files: AdapterFiles) -> None:
        """By its mark in the cache."""
        if (supervisor := self._supervisors.pop((files.name, files.path), None)) is not None:
            await supervisor.close()

    def offer(self, names: Iterable[str], changing: Iterable[str]) -> None:
        """To requests that come from now on."""
        rules = served(self._config, self._adapter)
        self._offer(replace(rules, adapters=fields_of(names, self._adapter), changing=frozenset(changing)))

    def show(self, reports: tuple[AdapterReport, ...]) -> None:
        """On the management port."""
        self._phases.adapters = reports

    async def close(self) -> None:
        """The pod ends, or begins anew with another list."""
        closing, self._supervisors = self._supervisors, {}
        await asyncio.gather(*(supervisor.close() for supervisor in closing.values()))

    async def _fetch(self, files: AdapterFiles, tell: Tell) -> None:
        if files.source is None or files.source.offline:
            return

        def enter(phase: Phase, reason: str, message: str) -> None:
            state = AdapterState.INVALID if phase is Phase.WEIGHTS_INVALID else AdapterState.FETCHING
            tell(state, Problem(reason, f"adapter {files.name}: {message}"))

        cache = self._config.model.cache
        await self.release(files)  # of an attempt whose adapter the engine refused
        supervisor = Supervisor(files.source, files.path, cache=cache, enter=enter, show=lambda _: None)
        self._supervisors[files.name, files.path] = supervisor
        await supervisor.run()
