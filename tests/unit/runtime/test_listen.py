"""Ports for what listens in the pod."""

from __future__ import annotations

import socket

import pytest

from qwen3_runtime.server import listen

KERNELS_OWN = 32_768
"""The first port that the kernel gives to who asks for any; in the 20 s until an engine binds its own, many are."""


def test_no_port_that_the_kernel_gives_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert listen.free_port() < KERNELS_OWN
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(listen, "_UNASKED", range(port, port + 1))
        with pytest.raises(OSError, match=f"no free port of {port}-{port} on loopback"):
            listen.free_port()
    assert listen.free_port() == port
