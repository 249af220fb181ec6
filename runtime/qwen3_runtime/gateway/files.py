"""Tenants and routes from two files, read again when they change: for tests and laptops."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pydantic import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.25


async def follow(path: Path, take: Callable[[bytes], None]) -> None:
    """Give the content of ``path`` to ``take`` now and after each change; what is not valid changes nothing."""
    seen: object = None
    while True:
        try:
            look = _look(path)
            if look != seen:
                seen = look
                take(_read(path))
                logger.info("%s read", path)
        except OSError as error:
            logger.warning("%s cannot be read: %s", path, error.strerror)
        except ValidationError as error:
            logger.warning("%s is not valid, the last good content stays in force: %s", path, explain(error))
        await asyncio.sleep(LOOK_SECONDS)


def _look(path: Path) -> object:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: Path) -> bytes:
    return path.read_bytes()


def explain(error: ValidationError) -> str:
    """Fields and problems, without the values: a Secret's content is not for the log."""
    problems = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in problems)
