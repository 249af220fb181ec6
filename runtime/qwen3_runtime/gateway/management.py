"""Probes, metrics, usage and the ledger, on a port of their own that tenants do not reach.

Usage and the ledger are open to who has the token alone, probes and metrics to all that reach the port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI, HTTPException, Request, Response

from qwen3_runtime.gateway.ledger import Row, as_csv
from qwen3_runtime.server.management import PROMETHEUS_TEXT
from qwen3_runtime.tenancy import UsageReport  # noqa: TC001  # FastAPI reads it at run time

if TYPE_CHECKING:
    from qwen3_runtime.gateway.gateway import Gateway

_AUTHENTICATE = {"www-authenticate": "Bearer"}


def management_app(gateway: Gateway) -> FastAPI:
    """Application of the management port."""
    app = FastAPI(title="qwen3-gateway", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    async def has_token(request: Request) -> None:
        if not gateway.usage_token.opens(request.headers.raw):
            raise HTTPException(401, "send the usage token as `Authorization: Bearer TOKEN`", _AUTHENTICATE)

    closed = [Depends(has_token)]

    @app.get("/livez")
    async def livez() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/readyz")
    async def readyz() -> Response:
        return Response(*(("ok", 200) if gateway.is_ready else ("not ready", 503)), media_type="text/plain")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(gateway.metrics.render(gateway.directory), media_type=PROMETHEUS_TEXT)

    @app.get("/usage", dependencies=closed)
    async def usage() -> UsageReport:
        return await gateway.usage()

    if (ledger := gateway.ledger) is not None:

        @app.get("/ledger", dependencies=closed)
        async def as_json() -> list[Row]:
            return await ledger.rows()

        @app.get("/ledger.csv", dependencies=closed)
        async def as_table() -> Response:
            return Response(as_csv(await ledger.rows()), media_type="text/csv")

    return app
