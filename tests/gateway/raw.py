"""HTTP as it is on the wire, for what no client library would send."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.gateway.processes import MODEL, key_of
from tests.patience import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT = "/v1/chat/completions"


def chat_body(**fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4} | fields


def wish(**wishes: Any) -> str:
    """Field ``user`` of a request to the stub."""
    return json.dumps(wishes)


class Answer:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


def call(
    url: str,
    method: str = "POST",
    path: str = CHAT,
    body: bytes | dict[str, Any] | None = None,
    *,
    tenant: str | None = "a",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=HANG_SECONDS)
    given = {"authorization": f"Bearer {key_of(tenant)}"} if tenant else {}
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    try:
        connection.request(method, path, data, given | dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def send_raw(url: str, data: bytes) -> bytes:
    """Send bytes; everything that comes until the server closes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=HANG_SECONDS) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def open_stream(url: str, tenant: str = "a", **fields: Any) -> socket.socket:
    """A socket on which a streamed chat has been asked for."""
    parts = urlsplit(url)
    body = json.dumps(chat_body(stream=True, **fields)).encode()
    connection = socket.create_connection((parts.hostname, parts.port), timeout=HANG_SECONDS)
    connection.sendall(
        b"POST %s HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
        % (CHAT.encode(), key_of(tenant).encode(), len(body), body)
    )
    return connection
