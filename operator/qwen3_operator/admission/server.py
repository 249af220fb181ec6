"""The webhook's port: TLS with certificates that change while it serves."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from aiohttp import web

from qwen3_operator.admission.handler import application

if TYPE_CHECKING:
    from qwen3_operator.admission.certificates import Certificates
    from qwen3_operator.admission.handler import Judge


class Server:
    """Opens its port with the first certificates. Later ones count from the next connection on."""

    def __init__(self, judge: Judge, port: int, host: str | None = None) -> None:
        self._runner = web.AppRunner(application(judge), access_log=None)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._host, self._port = host, port
        self._site: web.TCPSite | None = None

    async def serve(self, certificates: Certificates) -> None:
        """Use these from now on.

        Raises:
            ssl.SSLError: they do not fit together; those before stay.
            OSError: the port is taken.
        """
        _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificates)  # a failure would leave half of them behind
        _load(self._context, certificates)
        if self._site is None:
            if self._runner.server is None:
                await self._runner.setup()
            site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._context)
            await site.start()
            self._site = site

    @property
    def port(self) -> int:
        """The port that is open; 0 while none is."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else 0

    async def close(self) -> None:
        """Let running reviews end, then close."""
        await self._runner.cleanup()


def _load(context: ssl.SSLContext, certificates: Certificates) -> None:
    """From memory: OpenSSL's interface takes paths only, and the root file system is read-only."""
    with os.fdopen(os.memfd_create("admission"), "wb") as file:
        file.write(certificates.certificate + certificates.key)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
