"""Answers the API server in time, whatever happens: a failure here means no warning, never a refused object."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from qwen3_operator import metrics
from qwen3_operator.admission.review import allowed, parse
from qwen3_operator.admission.warn import schedule_warnings, warnings
from qwen3_operator.api.deployment import DeploymentSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from qwen3_operator.admission.review import Review
    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.sizing import PlanFailure

    Judge = Callable[[str, str, DeploymentSpec, Mapping[str, Any]], Awaitable[PlanStatus | PlanFailure]]
    """Plans for an object that is not stored yet: namespace, name, spec, and the stored object's status."""

_LOG = logging.getLogger(__name__)
PATH = "/validate"
DEADLINE_SECONDS = 1.5
"""Below the webhook's timeoutSeconds: the API server gets an answer rather than runs out of patience."""
_LARGEST_BODY = 8 * 1024 * 1024
"""Two objects of the largest size that etcd takes by default (1.5 MiB), with room for escapes."""


def application(judge: Judge, deadline: float = DEADLINE_SECONDS) -> web.Application:
    """The webhook's one path."""

    async def validate(request: web.Request) -> web.Response:
        try:
            review = parse(await request.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return web.Response(text=f"not an AdmissionReview: {error!r}\n", status=400)
        begun = time.perf_counter()
        outcome, found = await _judged(judge, review, deadline)
        metrics.ADMISSION_SECONDS.labels(outcome).observe(time.perf_counter() - begun)
        return web.json_response(allowed(review.uid, found))

    app = web.Application(client_max_size=_LARGEST_BODY)
    app.add_routes([web.post(PATH, validate)])
    return app


async def _judged(judge: Judge, review: Review, deadline: float) -> tuple[str, tuple[str, ...]]:
    """Outcome and warnings of a review."""
    if review.is_unchanged:
        return "unchanged", ()
    try:
        async with asyncio.timeout(deadline):
            spec = DeploymentSpec.model_validate(review.spec)
            planned = warnings(await judge(review.namespace, review.name, spec, review.status))
            found = (*schedule_warnings(spec.scaling.schedules), *planned)
    except Exception as error:  # noqa: BLE001 - the boundary: no failure of ours may hold up an apply
        why = f"no answer within {deadline:g} s" if isinstance(error, TimeoutError) else repr(error)
        extra = {"namespace": review.namespace, "object": review.name, "reason": why}
        _LOG.warning("allowed without a plan", extra=extra)
        return "failed", ()
    return ("warned", found) if found else ("fits", ())
