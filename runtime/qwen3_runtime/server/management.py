"""Probes, phase and metrics. Nothing here reaches the engine's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Response

from qwen3_runtime.config import Phase, PhaseReport
from qwen3_runtime.server.upstream import METRICS_SECONDS, Upstream

if TYPE_CHECKING:
    from qwen3_runtime.metrics import Metrics
    from qwen3_runtime.phases import Phases

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def management_app(phases: Phases, metrics: Metrics, upstream: Upstream) -> FastAPI:
    """Application of the management port."""
    app = FastAPI(title="qwen3-runtime", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/livez")
    async def livez() -> Response:
        return _probe(phases, ok=phases.current is not Phase.FAILED)

    @app.get("/readyz")
    async def readyz() -> Response:
        return _probe(phases, ok=phases.current is Phase.READY)

    @app.get("/phase")
    async def phase() -> PhaseReport:
        return phases.report()

    @app.get("/metrics")
    async def prometheus() -> Response:
        engine = None
        if phases.passed(Phase.WARMING_UP) and phases.current is not Phase.FAILED:
            engine = await upstream.fetch("/metrics", METRICS_SECONDS)
        return Response(metrics.render(phases, engine), media_type=PROMETHEUS_TEXT)

    return app


def _probe(phases: Phases, *, ok: bool) -> Response:
    return Response(phases.current, status_code=200 if ok else 503, media_type="text/plain")
