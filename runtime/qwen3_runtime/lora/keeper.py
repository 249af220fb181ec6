"""Makes a running engine serve the adapters that are listed: one task for each name that is not as it is to be."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from qwen3_runtime.config import AdapterState
from qwen3_runtime.lora.listed import list_changed
from qwen3_runtime.lora.reports import Reports, origin
from qwen3_runtime.weights.problem import FoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.config import AdapterFiles, RuntimeConfig
    from qwen3_runtime.lora.ports import Hands
    from qwen3_runtime.weights.problem import Problem

RETRY_SECONDS = 3.0
"""Between two looks at an adapter that is not right."""
_UNDER_WAY = frozenset((AdapterState.FETCHING, AdapterState.LOADING))


class AdapterKeeper:
    """Knows what is wanted and what is served, and brings the one to the other."""

    def __init__(self, hands: Hands, served: Iterable[AdapterFiles]) -> None:
        self._hands = hands
        self._served = {files.name: files for files in served}
        self._leaving: dict[str, AdapterFiles] = {}
        """What is not offered and the engine may have: nothing is loaded under the name before that is forgotten."""
        self._wanted = dict(self._served)
        self._refused: dict[str, AdapterFiles] = {}
        """What the engine would not load in the place of what is served: each new try would interrupt that."""
        self._changing: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._arrivals: dict[str, asyncio.Task[None]] = {}
        self._reports = Reports(hands.show, self._served.values())

    def want(self, files: Iterable[AdapterFiles]) -> None:
        """Serve these and no others from now on. What is under way for another target is given up."""
        before, self._wanted = self._wanted, {one.name: one for one in files}
        for name in before.keys() | self._wanted.keys():
            if before.get(name) == self._wanted.get(name):
                continue
            self._refused.pop(name, None)
            if self._reports.is_refused(name):
                self._reports.drop(name)
            if name in self._arrivals:
                self._arrivals[name].cancel()
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._settle(name))

    async def close(self) -> None:
        """Stop working; what is loaded stays."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle(self, name: str) -> None:
        """Until the adapter is as wanted, whatever is wanted meanwhile, or as near to it as the engine lets it be."""
        while not self._is_settled(name):
            try:
                await self._approach(name)
            except Exception as error:  # noqa: BLE001 - the name would be given up for good, and nobody told
                self._reports.put_fault(name, error, self._served.get(name))
                if not self._is_settled(name):
                    await asyncio.sleep(RETRY_SECONDS)
        del self._tasks[name]
        if name not in self._wanted:
            self._reports.drop(name)
        elif self._wanted[name] == self._served.get(name):
            self._tell(name, AdapterState.SERVED)

    async def _approach(self, name: str) -> None:
        """One try to make the adapter what is wanted now."""
        if name in self._leaving:
            await self._hands.release(await self._forgotten(name))
        target = self._wanted.get(name)
        if target is None or await self._arrived(name, target):
            await self._exchange(name, target)

    def _is_settled(self, name: str) -> bool:
        if name in self._leaving:
            return False
        wanted = self._wanted.get(name)
        return wanted == self._served.get(name) or (wanted is not None and wanted == self._refused.get(name))

    async def _arrived(self, name: str, target: AdapterFiles) -> bool:
        """Wait for the files; what is served under the name stays meanwhile. False if something else is wanted now."""
        if name not in self._reports:
            self._tell(name, AdapterState.FETCHING)
        arrival = self._arrivals[name] = asyncio.create_task(self._hands.bring(target, partial(self._tell, name)))
        try:
            await asyncio.wait((arrival,))
        finally:
            del self._arrivals[name]
            arrival.cancel()
        if not arrival.cancelled():
            arrival.result()
        return not arrival.cancelled() and self._wanted.get(name) == target

    async def _exchange(self, name: str, target: AdapterFiles | None) -> None:
        """What is served under the name goes, then the other one comes; if the engine refuses that, the first again."""
        old = self._served.pop(name, None)
        try:
            if old is not None:
                self._leaving[name] = old
                self._changing |= {name} if target else set()
                self._offer()
                self._tell(name, AdapterState.UNLOADING)
                await self._forgotten(name)
            if target is not None and self._wanted.get(name) == target:
                await self._load(name, target, old)
        finally:
            self._changing.discard(name)
            self._offer()
            if old is not None and old not in (self._served.get(name), self._leaving.get(name)):
                await self._hands.release(old)

    async def _forgotten(self, name: str) -> AdapterFiles:
        """Have the engine forget what leaves; its files may then be released."""
        old = self._leaving[name]
        try:
            await self._hands.unload(old)
        except FoundError as found:
            still = f"{found.problem.message} The engine has not let go of {origin(old)}."
            raise FoundError(found.problem.reason, still) from found
        return self._leaving.pop(name)

    async def _load(self, name: str, target: AdapterFiles, old: AdapterFiles | None) -> None:
        self._tell(name, AdapterState.LOADING)
        try:
            await self._take(name, target)
        except FoundError:
            await self._hands.release(await self._forgotten(name))
            if old is not None and name in self._wanted:
                await self._take(name, old)
                self._refused[name] = target
            raise

    async def _take(self, name: str, files: AdapterFiles) -> None:
        self._leaving[name] = files  # unless all goes well: a load that failed may have got half-way
        await self._hands.load(files)
        self._served[name] = self._leaving.pop(name)

    def _offer(self) -> None:
        self._hands.offer(tuple(self._served), tuple(self._changing))

    def _tell(self, name: str, state: AdapterState, problem: Problem | None = None) -> None:
        if state in _UNDER_WAY and self._reports.is_refused(name):
            return  # what the engine refused is tried again every few seconds: no news before that ends
        self._reports.put(name, state, problem, self._served.get(name))


async def follow(hands: Hands, config: RuntimeConfig) -> NoReturn:
    """Keep a pod whose engine serves the configuration's adapters as its list says."""
    keeper = AdapterKeeper(hands, config.adapters.files if config.adapters else ())
    try:
        while True:
            config = await list_changed(config)
            keeper.want(config.adapters.files if config.adapters else ())
    finally:
        await keeper.close()
