"""The container's last words: why it ended, in the form the operator and ``kubectl describe`` read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qwen3_runtime.config import TerminationReason

logger = logging.getLogger(__name__)

LIMIT_BYTES = 4096
"""The kubelet keeps no more of a termination message."""


@dataclass(frozen=True)
class Termination:
    """Why the process ends with an error."""

    reason: TerminationReason
    sentence: str
    log: tuple[str, ...] = ()
    """Last lines of the engine's log, oldest first."""


def render(termination: Termination) -> bytes:
    """``<reason>: <sentence>`` and as many of the last log lines as fit into `LIMIT_BYTES`."""
    head = f"{termination.reason}: {termination.sentence}".encode()[:LIMIT_BYTES]
    return head + _newest(termination.log, LIMIT_BYTES - len(head))


def write(path: Path, termination: Termination) -> None:
    """Leave the message for the kubelet. A missing file (not in a pod) is logged, the reason is logged anyway."""
    logger.error("%s: %s", termination.reason, termination.sentence)
    try:
        path.write_bytes(render(termination))
    except OSError as error:
        logger.warning("cannot write the termination message to %s: %s", path, error)


def _newest(lines: Sequence[str], room: int) -> bytes:
    kept: list[bytes] = []
    for line in reversed(lines):
        encoded = b"\n" + line.encode(errors="replace")
        if len(encoded) > room:
            break
        room -= len(encoded)
        kept.append(encoded)
    return b"".join(reversed(kept))
