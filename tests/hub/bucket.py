"""A real S3 server (versitygw, Apache-2.0) in front of a folder: every subfolder is a bucket."""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from qwen3_runtime.server.listen import free_port
from tests.kind import gobuild
from tests.kind.steps import Steps
from tests.kind.versions import GoTool
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

VERSITYGW = GoTool("versitygw", "v1.8.0", {"versitygw": "github.com/versity/versitygw/cmd/versitygw"})
ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key"  # noqa: S105 - of a server that lives as long as a test


def program() -> Path:
    """The server's binary; built from the Go module proxy into the cache where missing (minutes, once)."""
    binary = gobuild.binaries(VERSITYGW) / "versitygw"
    if not binary.exists():
        with Steps().step("build versitygw") as step:
            gobuild.build(VERSITYGW, step)
    return binary


@dataclass
class Bucket:
    """A running server. ``with Bucket(program(), folder) as bucket``."""

    binary: Path
    folder: Path

    def __enter__(self) -> Self:
        self.port = free_port()
        self._process = subprocess.Popen(
            [self.binary, "--quiet", "--port", f"127.0.0.1:{self.port}", "posix", "--nometa", self.folder],
            env={"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def url(self) -> str:
        """Endpoint for clients."""
        return f"http://127.0.0.1:{self.port}"

    def _wait(self) -> None:
        deadline = time.monotonic() + HANG_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"versitygw ended with {self._process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("versitygw does not listen")
