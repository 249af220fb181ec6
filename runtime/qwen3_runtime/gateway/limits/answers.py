"""Limits in the words of HTTP. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from qwen3_runtime.gateway.errors import retry_after
from qwen3_runtime.gateway.limits.types import renewal
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.tenancy import LimitName

if TYPE_CHECKING:
    from qwen3_runtime.gateway.limits.types import Standing
    from qwen3_runtime.server.asgi import Header
    from qwen3_runtime.tenancy import Tenant

_HEADERS = {
    LimitName.REQUESTS_PER_MINUTE: (b"requests", "requests_per_minute"),
    LimitName.INPUT_TOKENS_PER_MINUTE: (b"input-tokens", "input_tokens_per_minute"),
    LimitName.OUTPUT_TOKENS_PER_MINUTE: (b"output-tokens", "output_tokens_per_minute"),
}
_WORDS = {
    LimitName.REQUESTS_PER_MINUTE: "requests per minute",
    LimitName.INPUT_TOKENS_PER_MINUTE: "input tokens per minute",
    LimitName.OUTPUT_TOKENS_PER_MINUTE: "output tokens per minute",
    LimitName.CONCURRENT_REQUESTS: "requests at once",
    LimitName.TOKENS_PER_DAY: "tokens per day",
    LimitName.TOKENS_PER_MONTH: "tokens per month",
}


def rate_headers(tenant: Tenant, standing: Standing) -> list[Header]:
    """``x-ratelimit-limit-*`` and ``x-ratelimit-remaining-*`` of the limits of a minute that the tenant has."""
    headers = []
    for name, left in standing.remaining.items():
        if name in _HEADERS:
            word, field = _HEADERS[name]
            headers += [
                (b"x-ratelimit-limit-" + word, b"%d" % getattr(tenant.limits, field)),
                (b"x-ratelimit-remaining-" + word, b"%d" % left),
            ]
    return headers


def refusal(tenant: Tenant, name: LimitName, standing: Standing, now: float) -> ErrorAnswer:
    """429 that says which limit it is and when to come back."""
    headers = retry_after(standing.retry_seconds)
    if name in _HEADERS:
        reset = (b"x-ratelimit-reset-" + _HEADERS[name][0], b"%ds" % int(headers[0][1]))
        limit = getattr(tenant.limits, _HEADERS[name][1])
        return _too_much(f"{limit} {_WORDS[name]}", (*headers, reset))
    if name is LimitName.CONCURRENT_REQUESTS:
        return _too_much(f"{tenant.limits.concurrent_requests} {_WORDS[name]}", headers)
    monthly = name is LimitName.TOKENS_PER_MONTH
    quota = tenant.quota.tokens_per_month if monthly else tenant.quota.tokens_per_day
    renews = datetime.fromtimestamp(now, UTC) + timedelta(seconds=renewal(now, monthly=monthly))
    message = (
        f"The quota of {quota} {_WORDS[name]} does not cover this request; it renews at {renews:%Y-%m-%dT%H:%M:%SZ}."
    )
    return ErrorAnswer(429, "insufficient_quota", message, headers=headers)


def _too_much(limit: str, headers: tuple[Header, ...]) -> ErrorAnswer:
    return ErrorAnswer(429, "rate_limit_exceeded", f"The limit of {limit} is reached.", headers=headers)
