"""Which of a pod's interfaces HCCL would take. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK = "lo"


def usable(interfaces: Iterable[str], rule: str) -> tuple[str, ...]:
    """Interfaces that ``HCCL_SOCKET_IFNAME`` lets HCCL take, the loopback one left out.

    ``eth,enp`` are beginnings of names, ``=eth0,enp0`` names, ``^`` before either excludes. No rule: all (hiascend.com,
    CANN environment variables, HCCL_SOCKET_IFNAME).
    """
    others = [name for name in interfaces if name != LOOPBACK]
    excludes, exact = rule.startswith("^"), rule.removeprefix("^").startswith("=")
    words = [word for word in rule.removeprefix("^").removeprefix("=").split(",") if word]
    if not words:
        return tuple(others)
    return tuple(
        name for name in others if excludes != any(name == word if exact else name.startswith(word) for word in words)
    )
