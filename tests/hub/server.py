"""The server: routes of three hubs over one repository, and the body of every file through the same faults."""

from __future__ import annotations

import json
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from typing_extensions import override

from tests.hub import apis
from tests.hub.content import Repository, is_large, object_id
from tests.hub.faults import Fault, Faults, Gate

if TYPE_CHECKING:
    from types import TracebackType

BLOCK = 16 * 1024


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    path: str
    """With its query."""
    host: str
    authorization: str
    range: str


@dataclass
class Hub:
    """A running stand-in. ``with Hub(repository) as hub``."""

    repository: Repository
    token: str | None = None
    """Needed for everything; None: public."""
    gated: bool = False
    """Metadata are public, files are refused although the token is right."""
    address: tuple[str, int] = ("127.0.0.1", 0)
    """Where it is to listen; port 0 is a free one."""
    large_files: str | None = None
    """Another name of this server, which large files come from, e.g. ``http://cdn:8000``; None: localhost."""
    faults: Faults = field(default_factory=Faults)
    gate: Gate = field(default_factory=Gate)
    seen: list[Seen] = field(default_factory=list)

    def __enter__(self) -> Self:
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = _Server(self.address, Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.open()
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Endpoint for clients."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def content_requests(self) -> list[Seen]:
        """Requests for the bodies of files."""
        return [seen for seen in self.seen if apis.is_content(urlsplit(seen.path).path)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.stopping = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    server: _Server
    protocol_version = "HTTP/1.1"

    @override
    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # clients are killed here
            super().handle()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.hub.seen.append(
            Seen(
                path=self.path,
                host=self.headers.get("Host", ""),
                authorization=self.headers.get("Authorization", ""),
                range=self.headers.get("Range", ""),
            )
        )
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._answer(unquote(url.path), query)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, path: str, query: dict[str, str]) -> None:
        hub = self.hub
        if path.startswith("/cdn/"):
            self._send_file(path.removeprefix("/cdn/"))
        elif hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._refuse(401, "RepoNotFound")
        elif not apis.names(path, hub.repository.name):
            self._refuse(404, "RepoNotFound")
        elif (listing := apis.listing(hub.repository, path, query)) is not None:
            fault = hub.faults.take("LISTING")
            self._send_json(fault.status or 200, {} if fault.status else listing, fault.headers)
        else:
            self._answer_content(path, apis.content_path(path, query, hub.repository))

    def _answer_content(self, path: str, wanted: str | None) -> None:
        if wanted is None:
            self._refuse(404, "RevisionNotFound")
        elif self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif f"/{self.hub.repository.name}/resolve/" in path and is_large(wanted):
            # Like the real one: large files come from another origin, to which the token must not go.
            self._redirect(f"{self.hub.large_files or f'http://localhost:{self.hub.port}'}/cdn/{wanted}", wanted)
        else:
            self._send_file(wanted)

    def _refuse(self, status: int, code: str) -> None:
        self._send_json(status, {"error": code}, {"X-Error-Code": code})

    def _send_json(self, status: int, body: Any, headers: Any = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _redirect(self, location: str, path: str) -> None:
        content = self.hub.repository.files.get(path, b"")
        self.send_response(302)
        self.send_header("X-Repo-Commit", self.hub.repository.commit)
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("X-Linked-Etag", f'"{object_id(path, content)}"')
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_file(self, path: str) -> None:
        content = self.hub.repository.files.get(path)
        if content is None:
            return self._refuse(404, "EntryNotFound")
        fault = self.hub.faults.take(path)
        if fault.status:
            return self._send_json(fault.status, {}, fault.headers)
        return self._send_body(content, object_id(path, content), fault)

    def _send_body(self, content: bytes, etag: str, fault: Fault) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and not fault.ignore_range else 0
        if start and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        body = bytearray(content[start:] + fault.extra)
        if fault.flip_at is not None:
            body[fault.flip_at] ^= 1
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", self.hub.repository.commit)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return None
        return self._stream(bytes(body), fault)

    def _stream(self, body: bytes, fault: Fault) -> None:
        ends = [end for end in (fault.cut_after, fault.stall_after) if end is not None]
        end = min([*ends, len(body)])
        sent = 0
        while sent < end:
            sent += self.wfile.write(body[sent : sent + self.hub.gate.pass_through(min(BLOCK, end - sent))])
        if fault.stall_after is not None:
            self.server.stopping.wait()
        self.close_connection = self.close_connection or end < len(body)
