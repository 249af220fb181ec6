"""Instant queries to a Prometheus server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from qwen3_operator import metrics
from qwen3_operator.autoscale.samples import QUERIES, Samples, samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from qwen3_operator.autoscale.samples import Vector
    from qwen3_operator.settings import PrometheusSettings

_TIMEOUT = aiohttp.ClientTimeout(total=8.0)
"""Shorter than the period of decisions."""


class PrometheusError(Exception):
    """No answer, or none that can be used."""


def connections() -> aiohttp.ClientSession:
    """A session for `Prometheus.read`, with new connections for each round.

    A connection that is kept stays with what it once reached: with a server that left the Service, say.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), trust_env=False)


class Prometheus:
    """One server, or whatever speaks its API: Thanos, Mimir, VictoriaMetrics."""

    def __init__(self, settings: PrometheusSettings) -> None:
        self._url = str(settings.url).rstrip("/") + "/api/v1/query"
        self._token_file = settings.token_file

    async def read(self, session: aiohttp.ClientSession) -> Samples:
        """One round: all of `QUERIES`.

        Raises:
            PrometheusError: one of them failed: half of an observation is none.
        """
        headers = _headers(self._token_file)
        # No TaskGroup: before Python 3.13 a failure in one leaves its task with a cancellation that nobody takes back,
        # and with Python 3.11.2 the task's next timeout then ends it for good.
        asked = [asyncio.create_task(self._query(session, query, headers)) for query in QUERIES.values()]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        try:
            found = samples(dict(zip(QUERIES, _vectors(answers), strict=True)))
        except PrometheusError:
            metrics.PROMETHEUS_READS.labels("failed").inc()
            raise
        except (KeyError, TypeError, ValueError, IndexError) as error:
            metrics.PROMETHEUS_READS.labels("failed").inc()
            raise PrometheusError(f"answers that are no vectors: {type(error).__name__}") from error
        metrics.PROMETHEUS_READS.labels("ok").inc()
        return found

    async def _query(self, session: aiohttp.ClientSession, query: str, headers: dict[str, str]) -> Vector:
        try:
            async with session.post(
                self._url, data={"query": query}, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                if response.status != 200:  # noqa: PLR2004
                    # Not its text: whatever answers there would write into the status.
                    raise PrometheusError(f"HTTP {response.status}")
                answer: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PrometheusError(f"not reached: {type(error).__name__}") from error
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise PrometheusError("no success in its answer")
        vector: Vector = answer["data"]["result"]
        return vector


def _vectors(answers: Iterable[Vector | BaseException]) -> Iterator[Vector]:
    """All of them. Raises the first error among them."""
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        yield answer


def _headers(token_file: Path | None) -> dict[str, str]:
    """Read anew each time: the kubelet renews mounted Secrets."""
    if token_file is None:
        return {}
    try:
        return {"Authorization": f"Bearer {token_file.read_text().strip()}"}
    except OSError as error:
        raise PrometheusError(f"no token in {token_file.name}: {error.strerror}") from error
