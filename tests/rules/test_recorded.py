"""Recorded series are what their names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qwen3_operator.reconcile.exported import PERCENTILES
from tests.rules import promtool
from tests.rules.healthy import HEALTHY, POD, histogram, rising, steady

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.timeout(1800)
OTHER_POD = POD.replace("chat-0", "chat-1")
OTHER = POD.replace("chat", "other")
_FIRST_BYTE = "qwen3_runtime_time_to_first_byte_seconds"


def _chat(name: str, **labels: str) -> str:
    inside = ",".join(
        f'{label}="{value}"' for label, value in {**labels, "deployment": "chat", "namespace": "team"}.items()
    )
    return f"{name}{{{inside}}}"


RECORDED: Mapping[str, tuple[dict[str, str], dict[str, dict[str, float]]]] = {
    "tokens of all pods of a deployment, by second": (
        {
            f"qwen3_engine_generated_tokens_total{{{POD}}}": rising(300),
            f"qwen3_engine_generated_tokens_total{{{OTHER_POD}}}": rising(600),
            f"qwen3_engine_generated_tokens_total{{{OTHER}}}": rising(3000),
        },
        {'qwen3:generated_tokens:rate_5m{deployment="chat"}': {_chat("qwen3:generated_tokens:rate_5m"): 30}},
    ),
    "a pod that starts anew takes nothing away": (
        {
            f"qwen3_engine_generated_tokens_total{{{POD}}}": "0+300x20 0+300x100",
            f"qwen3_engine_generated_tokens_total{{{OTHER_POD}}}": "_x21 0+300x100",
        },
        {"qwen3:generated_tokens:rate_5m >= bool 18": {'{deployment="chat", namespace="team"}': 1}},
    ),
    "requests that wait in all pods": (
        {
            f"qwen3_engine_requests_waiting{{{POD}}}": steady(3),
            f"qwen3_engine_requests_waiting{{{OTHER_POD}}}": steady(4),
        },
        {"qwen3:requests_waiting:sum": {_chat("qwen3:requests_waiting:sum"): 7}},
    ),
    "the fullest KV cache": (
        {
            f"qwen3_engine_kv_cache_usage_ratio{{{POD}}}": steady(0.25),
            f"qwen3_engine_kv_cache_usage_ratio{{{OTHER_POD}}}": steady(0.75),
        },
        {"qwen3:kv_cache_usage:max": {_chat("qwen3:kv_cache_usage:max"): 0.75}},
    ),
    "percentiles of the first token over all pods and paths": (
        {
            **histogram(_FIRST_BYTE, f'{POD},path="chat",stream="true"', "1", each=80),
            **histogram(_FIRST_BYTE, f'{OTHER_POD},path="text",stream="true"', "10", each=20),
            **histogram(_FIRST_BYTE, f'{POD},path="chat",stream="false"', "100", each=900),
        },
        {
            "qwen3:first_token_seconds:quantile_5m": {
                # In the bucket that ends at 1 s: 80 of 100, in that from 5 to 10 s the rest.
                _chat("qwen3:first_token_seconds:quantile_5m", percentile="50"): 0.8125,
                _chat("qwen3:first_token_seconds:quantile_5m", percentile="75"): 0.96875,
                _chat("qwen3:first_token_seconds:quantile_5m", percentile="90"): 7.5,
                _chat("qwen3:first_token_seconds:quantile_5m", percentile="95"): 8.75,
                _chat("qwen3:first_token_seconds:quantile_5m", percentile="99"): 9.75,
            }
        },
    ),
    "every percentile that a target may name": (
        HEALTHY,
        {
            "count by (percentile) (qwen3:first_token_seconds:quantile_5m)": {
                f'{{percentile="{percentile}"}}': 1 for percentile in PERCENTILES
            }
        },
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_series(name: str, program: Path, rules: Path, tmp_path: Path) -> None:
    given, expected = RECORDED[name]
    promtool.run(program, rules, [promtool.values(name, given, "15m", expected)], tmp_path)
