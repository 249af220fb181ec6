"""Numbers of the running fleet: one query to a Prometheus for all deployments, and its answer. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.autoscale.samples import DEPLOYMENT, Place, labelled

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY = f"by (namespace, {DEPLOYMENT})"
_BUCKETS = 'rate(qwen3_runtime_time_to_first_byte_seconds_bucket{stream="true"}[5m])'
_QUANTITIES = {
    "running": f"sum {_BY} (qwen3_engine_requests_running)",
    "waiting": f"sum {_BY} (qwen3_engine_requests_waiting)",
    "first_token_seconds": f"histogram_quantile(0.95, sum by (namespace, {DEPLOYMENT}, le) ({_BUCKETS}))",
    "tokens_per_second": f"sum {_BY} (rate(qwen3_engine_generated_tokens_total[5m]))",
    "kv_cache": f"max {_BY} (qwen3_engine_kv_cache_usage_ratio)",
}
QUERY = " or ".join(labelled(name, query) for name, query in _QUANTITIES.items())
"""All numbers of all deployments, told apart by the label ``quantity``."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one deployment; None where the engine or Prometheus does not say."""

    running: float | None = None
    """Requests that engines compute."""
    waiting: float | None = None
    """Requests in the queues of the engines."""
    first_token_seconds: float | None = None
    """95th percentile of streamed answers, over five minutes."""
    tokens_per_second: float | None = None
    """Generated, over five minutes."""
    kv_cache: float | None = None
    """Share in use, of the fullest replica."""


def parsed(answer: Mapping[str, Any]) -> dict[Place, Numbers]:
    """The numbers of an answer to `QUERY`. Values that are no numbers count as absent.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    found: dict[Place, Numbers] = {}
    for series in answer["data"]["result"]:
        labels, value = series["metric"], float(series["value"][1])
        if math.isfinite(value):
            place = (labels["namespace"], labels[DEPLOYMENT])
            found[place] = replace(found.get(place, Numbers()), **{labels["quantity"]: value})
    return found
