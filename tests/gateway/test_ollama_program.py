"""Ollama's own command line. It sends no key, so a proxy in front of the gateway adds it, as a user's would."""

from __future__ import annotations

import http.client
import os
import pty
import re
import select
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from typing_extensions import override

from tests.gateway import ollama_program
from tests.gateway.conftest import EMBED
from tests.gateway.processes import MODEL, GatewayProcess, Stub, key_of
from tests.gateway.raw import wish
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
# The first one waits for the program to be built.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def program() -> Path:
    return ollama_program.program()


@pytest.fixture(scope="module")
def with_key(gateway: GatewayProcess) -> Iterator[str]:
    """Address of a proxy that adds the key."""
    upstream = urlsplit(gateway.url).netloc

    class AddKey(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            connection = http.client.HTTPConnection(upstream, timeout=HANG_SECONDS)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {"authorization": f"Bearer {key_of('a')}", "content-type": "application/json"}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            self.end_headers()
            while part := answer.read1():
                self.wfile.write(part)
            connection.close()

        do_HEAD = do_GET = do_POST = handle_any  # noqa: N815 - called by these names

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), AddKey)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def run(program: Path, host: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments],
        env=environment(host, program),
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )


def environment(host: str, home: Path) -> dict[str, str]:
    return {"OLLAMA_HOST": host, "HOME": str(home.parent), "PATH": os.defpath}


def test_list(program: Path, with_key: str) -> None:
    ran = run(program, with_key, "list")
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["NAME", MODEL, EMBED], ran.stderr


def test_show(program: Path, with_key: str) -> None:
    ran = run(program, with_key, "show", MODEL)
    shown = [line.split() for line in ran.stdout.splitlines()]
    assert ["architecture", "qwen3"] in shown, ran.stderr
    assert ["context", "length", "4096"] in shown
    assert ["completion"] in shown
    assert ["tools"] in shown


def test_run(program: Path, with_key: str) -> None:
    ran = run(program, with_key, "run", MODEL, wish(thought="Let me see"))
    assert "Let me see" in ran.stdout, ran.stderr
    assert ran.stdout.rstrip().endswith(" ".join(["word"] * 8))


def test_a_conversation(program: Path, with_key: str, stub: Stub) -> None:
    """At a terminal: it wants the model loaded first, which no replica need hear of."""
    before = stub.totals()["requests"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [program, "run", MODEL], env=environment(with_key, program), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        try:
            read_until(ours, "Send a message")
            assert stub.totals()["requests"] == before
            for _ in range(2):
                os.write(ours, b"Hello\r")
                read_until(ours, "word " * 8)
            os.write(ours, b"/bye\r")
            assert process.wait(HANG_SECONDS) == 0
        finally:
            process.kill()
            os.close(ours)
    assert stub.totals()["requests"] == before + 2


def read_until(terminal: int, text: str) -> None:
    """What is shown, without where and how it is shown."""
    seen, deadline = "", time.monotonic() + HANG_SECONDS
    while text not in CONTROL.sub("", seen):
        assert select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], seen
        seen += os.read(terminal, 65536).decode()


def test_what_it_may_not_it_does_not_get(program: Path, with_key: str, gateway: GatewayProcess) -> None:
    assert "nobody" in run(program, with_key, "show", "nobody").stderr
    without_key = run(program, gateway.url, "list")
    assert (without_key.returncode, without_key.stdout) == (1, "")
