"""Interfaces and ports of the pod, as far as pods of one replica need them."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from qwen3_runtime.preflight.found import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.config import Group

HCCL_PORT = 60000
HCCL_PORTS = 32
"""HCCL listens on so many ports from HCCL_IF_BASE_PORT on (hiascend.com, CANN 8.3 and later)."""
_PORTS = 65536


def network(environment: Mapping[str, str], group: Group) -> Network:
    """What this member of ``group`` has."""
    interfaces: tuple[str, ...] | None = None
    with suppress(OSError):
        interfaces = tuple(name for _, name in socket.if_nameindex())
    # HCCL_IF_IP comes before the rule (hiascend.com, HCCL_SOCKET_IFNAME).
    rule = "" if environment.get("HCCL_IF_IP") else environment.get("HCCL_SOCKET_IFNAME", "")
    return Network(interfaces, rule, tuple(port for port in _ports(environment, group) if _is_busy(port)))


def _ports(environment: Mapping[str, str], group: Group) -> tuple[int, ...]:
    """HCCL's, and on the leader the one where all meet."""
    first = environment.get("HCCL_IF_BASE_PORT", "")
    start = int(first) if first.isdigit() else HCCL_PORT
    ports = range(start, min(start + HCCL_PORTS, _PORTS))
    return (*ports, group.port) if group.leads else tuple(ports)


def _is_busy(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # As engines do: what is left of the connections of a container before this one is in nobody's way.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
