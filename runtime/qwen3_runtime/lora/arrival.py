"""The listed adapters of a pod that starts: brought, loaded, and what is wrong with those that are not."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from qwen3_runtime.config import AdapterReport, AdapterState
from qwen3_runtime.lora.ports import REFUSED
from qwen3_runtime.weights.problem import FoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qwen3_runtime.config import AdapterFiles
    from qwen3_runtime.lora.ports import Hands

logger = logging.getLogger(__name__)

LOAD_SECONDS = 120.0
"""For an engine to load one: some hundred megabytes at most. The model must not wait for ever for an adapter."""


async def arrive(
    hands: Hands, listed: Iterable[AdapterFiles], say: Callable[[str, str], None]
) -> tuple[tuple[AdapterFiles, ...], tuple[AdapterReport, ...]]:
    """Bring each until it is there, or found not to be right for a first time.

    Args:
        hands: What brings them.
        listed: All that are to be served.
        say: Takes reason and message of what is under way.

    Returns:
        Those that are right, and a report of each of the others.
    """
    right: list[AdapterFiles] = []
    wrong: list[AdapterReport] = []
    for files in listed:
        if (problem := await _first_verdict(hands, files, say)) is None:
            right.append(files)
            continue
        wrong.append(_without(files, problem))
    return tuple(right), tuple(wrong)


async def load(
    hands: Hands, arrived: Iterable[AdapterFiles], say: Callable[[str, str], None]
) -> tuple[tuple[AdapterFiles, ...], tuple[AdapterReport, ...]]:
    """Have an engine that has just started load each, one after the other.

    On the engine's command line one that it refuses would end the pod, and each that comes after it.

    Args:
        hands: What loads them.
        arrived: Those that are right.
        say: Takes reason and message of what is under way.

    Returns:
        Those that answer now, and a report of each of the others.
    """
    taken: list[AdapterFiles] = []
    refused: list[AdapterReport] = []
    for files in arrived:
        say("", f"Loading adapter {files.name}.")
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                await hands.load(files)
        except (FoundError, TimeoutError) as error:
            refused.append(_without(files, _problem(files, error)))
            await _forget(hands, files)
        else:
            taken.append(files)
    return tuple(taken), tuple(refused)


async def _forget(hands: Hands, files: AdapterFiles) -> None:
    """It may have got half-way. What the engine may still have stays marked as in use."""
    with suppress(FoundError, TimeoutError):
        async with asyncio.timeout(LOAD_SECONDS):
            await hands.unload(files)
        await hands.release(files)


def _problem(files: AdapterFiles, error: FoundError | TimeoutError) -> Problem:
    if isinstance(error, FoundError):
        return error.problem
    return Problem(REFUSED, f"The engine has not loaded adapter {files.name} within {LOAD_SECONDS:g} s.")


def _without(files: AdapterFiles, problem: Problem) -> AdapterReport:
    logger.warning("starting without one: %s", problem.message)
    return AdapterReport(name=files.name, state=AdapterState.INVALID, reason=problem.reason, message=problem.message)


async def _first_verdict(hands: Hands, files: AdapterFiles, say: Callable[[str, str], None]) -> Problem | None:
    """None: it is there and right."""
    found: asyncio.Future[Problem] = asyncio.get_running_loop().create_future()

    def tell(state: AdapterState, problem: Problem | None) -> None:
        if problem is None:
            return
        if state is not AdapterState.INVALID:
            say(problem.reason, problem.message)
        elif not found.done():
            found.set_result(problem)

    bringing = asyncio.create_task(hands.bring(files, tell))
    try:
        await asyncio.wait((bringing, found), return_when=asyncio.FIRST_COMPLETED)
        if not bringing.done():
            return found.result()
        bringing.result()
        return None
    finally:
        bringing.cancel()
        await asyncio.gather(bringing, return_exceptions=True)
