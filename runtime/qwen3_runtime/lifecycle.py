"""From a folder of weights to a serving engine and to an orderly end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from qwen3_runtime.config import MANAGEMENT_PORT, Phase, TerminationReason
from qwen3_runtime.engines.base import parse_version
from qwen3_runtime.engines.image import EngineImage, ImageError, identify, mismatch
from qwen3_runtime.engines.keeper import Keeper
from qwen3_runtime.engines.memory import oom_kills
from qwen3_runtime.engines.watchdog import Watchdog
from qwen3_runtime.failure import explain
from qwen3_runtime.group import leader_gone
from qwen3_runtime.lora import arrival
from qwen3_runtime.lora.hands import PodHands
from qwen3_runtime.lora.keeper import follow
from qwen3_runtime.lora.listed import list_changed, with_files
from qwen3_runtime.lora.reports import as_served
from qwen3_runtime.phases import weights_phase
from qwen3_runtime.preflight import Places, check, look, unknowns, verdict
from qwen3_runtime.server import errors
from qwen3_runtime.server.arrivals import LONGEST_LAME_DUCK
from qwen3_runtime.server.prepare import served
from qwen3_runtime.termination import Termination
from qwen3_runtime.warmup import WarmUpError, wait_for_first_token, wait_until_live
from qwen3_runtime.weights import check_weights, with_weights
from qwen3_runtime.weights.fetch.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from qwen3_runtime.config import AdapterFiles, RuntimeConfig
    from qwen3_runtime.engines.base import Adapter
    from qwen3_runtime.phases import Phases
    from qwen3_runtime.server.prepare import Served
    from qwen3_runtime.server.traffic import Traffic
    from qwen3_runtime.server.upstream import Upstream
    from qwen3_runtime.settings import Settings

logger = logging.getLogger(__name__)

WEIGHTS_SECONDS = 3.0
"""Between two looks at an incomplete folder."""
WATCHDOG_LOOKS = 12
"""At the engine's processes, within the time after which it counts as hanging."""
FAREWELL_SECONDS = 2.0
"""For the last errors to reach their clients."""


class FatalError(Exception):
    """The pod cannot go on."""

    def __init__(self, termination: Termination) -> None:
        super().__init__(termination.sentence)
        self.termination = termination


class Lifecycle:
    """Runs the phases of one pod; everything else only reads where it stands."""

    def __init__(
        self,
        *,
        settings: Settings,
        adapter: Adapter,
        phases: Phases,
        traffic: Traffic,
        upstream: Upstream,
        engine_port: int,
        offer: Callable[[Served], None],
    ) -> None:
        """``offer`` changes what the API port serves."""
        self._settings = settings
        self._config = settings.config
        self._adapter = adapter
        self._phases = phases
        self._traffic = traffic
        self._upstream = upstream
        self._engine_port = engine_port
        self._offer = offer
        self._keeper: Keeper | None = None
        self._member_path: str | None = None
        self._supervisors: list[Supervisor] = []
        self._hands = self._hands_for(settings.config)
        self._arrived: tuple[AdapterFiles, ...] = ()

    async def run(self, stop: asyncio.Event) -> Termination | None:
        """Serve until ``stop`` is set and the drain is over (None), or until the pod has failed (why)."""
        serving = asyncio.create_task(self._serve())
        ending = asyncio.create_task(self._drain_after(stop))
        try:
            await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                await ending
                return None
            try:
                await serving
            except FatalError as error:
                await self._fail(error.termination)
                return error.termination
        finally:
            for task in (serving, ending):
                task.cancel()
            await asyncio.gather(serving, ending, return_exceptions=True)
            if self._keeper is not None:
                await self._keeper.kill()
            await self._close_supervisors()

    async def _serve(self) -> NoReturn:
        await self._check_devices()
        await self._wait_for_weights()
        if self._config.fetches_only:
            self._enter(Phase.READY)
            await asyncio.get_running_loop().create_future()
        self._enter(Phase.STARTING_ENGINE)
        image = await asyncio.to_thread(self._identify)
        kills_before = oom_kills(self._settings.cgroup_root)
        keeper = await self._start_engine(image)
        ended = asyncio.create_task(keeper.ended())
        served = asyncio.create_task(self._warm_up_and_watch(keeper))
        try:
            await asyncio.wait((ended, served), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await served
            how = await ended
        finally:
            ended.cancel()
            served.cancel()
        raise FatalError(
            explain(
                how,
                engine=f"{image.name} {image.version}",
                was_ready=self._phases.passed(Phase.READY),
                out_of_memory=oom_kills(self._settings.cgroup_root) > kills_before,
                error_line=self._adapter.error_line(keeper.log.lines),
                log=keeper.log.lines,
            )
        )

    async def _check_devices(self) -> None:
        """Before hundreds of gigabytes are fetched to a node that cannot serve them."""
        if self._config.npus is None:
            return
        found = await asyncio.to_thread(look, Places(), self._config.group)
        logger.info("devices: %s", found)
        findings = check(found, self._config.npus)
        if (failure := verdict(findings)) is not None:
            raise FatalError(failure)
        self._phases.warnings = unknowns(findings)
        for warning in self._phases.warnings:
            logger.warning("devices: %s", warning)
        self._enter(weights_phase(self._config))

    async def _wait_for_weights(self) -> None:
        """Until model and adapters are there; anew where other adapters are listed meanwhile."""
        while True:
            bringing = asyncio.create_task(self._bring_weights())
            change = asyncio.create_task(list_changed(self._config))
            try:
                await asyncio.wait((bringing, change), return_when=asyncio.FIRST_COMPLETED)
                if bringing.done():
                    return await bringing
                self._config = await change
            finally:
                bringing.cancel()
                change.cancel()
                await asyncio.gather(bringing, change, return_exceptions=True)
            await self._close_supervisors()

    async def _bring_weights(self) -> None:
        listed = self._config.adapters.files if self._hands and self._config.adapters else ()
        config = with_files(self._config, ()) if listed else self._config
        await self._fetch_weights(config)
        while (problem := await asyncio.to_thread(check_weights, config)) is not None:
            self._enter(Phase.WEIGHTS_INVALID, problem.reason, problem.message)
            await asyncio.sleep(WEIGHTS_SECONDS)
        if self._hands is not None and listed:
            say = partial(self._enter, Phase.CHECKING_WEIGHTS)
            self._arrived, self._phases.adapters = await arrival.arrive(self._hands, listed, say)
            self._config = config

    async def _fetch_weights(self, config: RuntimeConfig) -> None:
        for source, path in config.fetched:
            model = self._config.model
            supervisor = Supervisor(source, path, cache=model.cache, enter=self._enter, show=self._phases.show)
            self._supervisors.append(supervisor)
            origin = await supervisor.run()
            if path == model.path:
                self._phases.weights_origin = origin
        if self._config.fetched:
            self._enter(Phase.CHECKING_WEIGHTS)

    async def _close_supervisors(self) -> None:
        closing, self._supervisors = self._supervisors, []
        await asyncio.gather(*(supervisor.close() for supervisor in closing))
        if self._hands is not None:
            await self._hands.close()

    def _identify(self) -> EngineImage:
        try:
            image = identify(self._settings.engine_description, self._settings.engine_python, self._adapter)
        except ImageError as error:
            raise FatalError(Termination(TerminationReason.ENGINE_START_FAILED, str(error))) from error
        if (problem := mismatch(image, self._adapter, self._config.device)) is not None:
            raise FatalError(Termination(TerminationReason.CONFIG_INVALID, problem))
        return image

    async def _start_engine(self, image: EngineImage) -> Keeper:
        config = await asyncio.to_thread(with_weights, self._config)
        command = self._adapter.command(config, self._engine_port, parse_version(image.version))
        self._member_path = command.member_path
        if config.group is not None and command.member_path is None:
            sentence = f"{self._adapter.name} does not run one replica in several pods"
            raise FatalError(Termination(TerminationReason.CONFIG_INVALID, sentence))
        logger.info("starting %s %s: %s", image.name, image.version, " ".join(command.arguments))
        words = image.start(self._settings.engine_python, command)
        await asyncio.to_thread(command.write_files)
        try:
            self._keeper = await Keeper.start(words, command.environment, self._adapter.worker_names)
        except OSError as error:
            sentence = f"{words[0]} cannot be run: {error.strerror}"
            raise FatalError(Termination(TerminationReason.ENGINE_START_FAILED, sentence)) from error
        return self._keeper

    async def _warm_up(self, keeper: Keeper) -> None:
        if not self._config.answers and self._member_path is not None:
            await self._join(keeper, self._member_path)
            return
        await wait_until_live(self._upstream, self._adapter.live_path)
        self._enter(Phase.WARMING_UP)
        keeper.find_workers()
        try:
            await wait_for_first_token(self._upstream, self._adapter, self._config)
        except WarmUpError as error:
            raise FatalError(Termination(TerminationReason.ENGINE_START_FAILED, str(error))) from error
        await self._load_adapters()
        keeper.log.forget()
        self._offer(served(self._config, self._adapter))
        if self._config.adapters is not None:
            self._phases.adapters += tuple(map(as_served, self._config.adapters.files))
        self._enter(Phase.READY)

    async def _load_adapters(self) -> None:
        """Those that came with the weights. The pod starts without one that the engine refuses."""
        if self._hands is None or not self._arrived:
            return
        say = partial(self._enter, Phase.WARMING_UP)
        taken, refused = await arrival.load(self._hands, self._arrived, say)
        if refused:  # perhaps since the engine died over it
            await wait_until_live(self._upstream, self._adapter.live_path)
        self._config = with_files(self._config, taken)
        self._phases.adapters += refused

    async def _warm_up_and_watch(self, keeper: Keeper) -> None:
        """Returns when the engine hung and was ended."""
        await self._warm_up(keeper)
        async with self._following():
            await self._watch(keeper)

    async def _watch(self, keeper: Keeper) -> None:
        limit, clock = self._settings.hang_seconds, asyncio.get_running_loop().time
        watchdog = Watchdog(limit)
        while not watchdog.hangs(clock(), self._upstream.waiting_since, keeper.worked()):  # noqa: ASYNC110 - no event
            await asyncio.sleep(limit / WATCHDOG_LOOKS)
        await keeper.give_up(limit)

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        """Adapters come and go as they are listed, as long as the block runs."""
        if self._hands is None:
            yield
            return
        following = asyncio.create_task(follow(self._hands, self._config))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _hands_for(self, config: RuntimeConfig) -> PodHands | None:
        """Of a pod that follows a list of adapters."""
        if config.adapters is None or config.adapters.list_path is None:
            return None
        return PodHands(
            config,
            self._adapter,
            self._upstream,
            self._offer,
            traffic=self._traffic,
            phases=self._phases,
        )

    async def _join(self, keeper: Keeper, path: str) -> None:
        """As a worker of a group: it does its part once all members have met; the first token is the leader's."""
        await wait_until_live(self._upstream, path)
        keeper.find_workers()
        keeper.log.forget()
        self._enter(Phase.READY)

    async def _drain_after(self, stop: asyncio.Event) -> None:
        await stop.wait()
        was_ready = self._phases.current is Phase.READY and not self._config.fetches_only
        self._enter(Phase.DRAINING, "Terminating", "The pod got SIGTERM.")
        if not was_ready:
            return
        shutdown = self._config.shutdown
        if (group := self._config.group) is not None and not group.leads:
            await leader_gone(group.leader, MANAGEMENT_PORT, within=shutdown.lame_duck_seconds + shutdown.drain_seconds)
            return
        loop, lame_duck = asyncio.get_running_loop(), shutdown.lame_duck_seconds
        end = loop.time() + shutdown.drain_seconds
        longest = max(lame_duck, min(LONGEST_LAME_DUCK * lame_duck, shutdown.drain_seconds))
        await self._traffic.arrivals.quiet(lame_duck, within=longest)
        self._traffic.refuse_new()
        if not await self._traffic.idle(max(end - loop.time(), 0)):
            logger.warning("cutting %d requests after %g s", self._traffic.count, shutdown.drain_seconds)
            self._traffic.interrupt_all(errors.cut(shutdown.drain_seconds))
            await self._traffic.idle(FAREWELL_SECONDS)

    async def _fail(self, termination: Termination) -> None:
        self._enter(Phase.FAILED, termination.reason, termination.sentence)
        self._traffic.interrupt_all(errors.ENGINE_FAILED)
        await self._traffic.idle(FAREWELL_SECONDS)

    def _enter(self, phase: Phase, reason: str = "", message: str = "") -> None:
        if self._phases.enter(phase, reason, message):
            logger.info("phase %s %s", phase, message)
