"""uvicorn inside the runtime's own loop and under the runtime's own signals."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import random
import resource
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from typing_extensions import override

from qwen3_runtime.server.protocol import GuardedProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNASKED = range(20_100, 28_000)
"""Below what the kernel gives by itself (32768-60999: ip_local_port_range in Linux' ip-sysctl.rst) and node ports, and
above a group's meeting place. SGLang takes another within 1,000 above its own (server_args.py of 0.5.23: nccl_port)."""
BACKLOG = 2048
CLOSE_SECONDS = 3
"""For answers under way when a server is closed; the drain has ended before that."""
KEEP_ALIVE_SECONDS = 75
"""Longer than a client's or a gateway's usual reuse of a connection (60 s)."""
UNREAD_SECONDS = 60
"""For a client to take something of what waits for it (nginx: send_timeout). Until then it holds a place in the engine;
what is gone without a word is noticed as late as that."""


class Listener(uvicorn.Server):
    """One HTTP server on one port."""

    def __init__(self, app: Any, port: int, **options: Any) -> None:
        """``options`` go to `uvicorn.Config` in place of what stands here."""
        defaults: dict[str, Any] = {
            "http": GuardedProtocol,
            "ws": "none",
            "lifespan": "off",
            "access_log": False,
            "log_config": None,
            "proxy_headers": False,
            "server_header": False,
            "date_header": False,
            "timeout_keep_alive": KEEP_ALIVE_SECONDS,
            "timeout_graceful_shutdown": CLOSE_SECONDS,
        }
        super().__init__(uvicorn.Config(app, **(defaults | options)))
        self._socket = bind(port)
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Port that is listened on; of interest when 0 was asked for."""
        port: int = self._socket.getsockname()[1]
        return port

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the lifecycle."""
        yield

    async def open(self) -> None:
        """Start serving; returns when connections are accepted."""
        self._task = asyncio.create_task(self.serve([self._socket]))
        while not self.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Stop accepting, let answers under way finish, close."""
        self.should_exit = True
        if self._task is not None:
            await self._task


def bind(port: int) -> socket.socket:
    """A listening socket on every address, IPv6 and IPv4, or IPv4 alone where the kernel has no IPv6."""
    bound = _bind(port)
    # Connections inherit it. Only the kernel sees a window that stays shut, under TLS and after a close too.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_SECONDS * 1000))
    return bound


def _bind(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG, reuse_port=False
            )
    return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104 - a pod's port is for the cluster


def allow_connections() -> None:
    """Open as many files as the process may ever: containers often start with 1024, and each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def spare_collections() -> None:
    """Let garbage collections pass over what the process has now, which stays.

    To look through all that was imported takes 50 ms every few thousand requests, in which no other is answered.
    """
    gc.collect()
    gc.freeze()


def free_port() -> int:
    """A port of loopback that nobody uses now, and that nobody gets who asks the kernel for any.

    An engine binds it only after 20 s and more, in which it and its neighbours open hundreds of ports of the
    kernel's choosing: one of those would meet it sooner or later.
    """
    for port in random.sample(_UNASKED, len(_UNASKED)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port), reuse_port=False):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port of {_UNASKED.start}-{_UNASKED.stop - 1} on loopback")
