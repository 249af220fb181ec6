"""An engine's metrics under neutral names."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from qwen3_runtime.engine_metrics import ENGINE_METRICS, REQUESTS_RUNNING
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.engines.translation import translate

SGLANG = b"""# HELP sglang:num_running_reqs The number of running requests.
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{dp_rank="0",model_name="m"} 3.0
sglang:num_running_reqs{dp_rank="1",model_name="m"} 4.0
sglang:num_running_reqs_offline_batch{model_name="m"} 9.0
sglang:token_usage{dp_rank="0",model_name="m, {x}"} 0.25
sglang:token_usage{dp_rank="1",model_name="m"} 0.5
sglang:num_queue_reqs{model_name="m"} NaN
sglang:weight_memory_usage_gb{model_name="m"} 0.5
sglang:startup_time_seconds{model_name="m",phase="load_weight",tp_rank="0"} 2.5
sglang:startup_time_seconds{model_name="m",phase="load_weight",tp_rank="1"} 3.5
sglang:startup_time_seconds{phase="e2e",model_name="m"} 20.0
sglang:prompt_tokens_total{is_streaming="True",model_name="m"} 10.0
sglang:prompt_tokens_total{is_streaming="False",model_name="m"} 5.0
sglang:time_to_first_token_seconds_bucket{is_streaming="True",le="0.1",model_name="m"} 1.0
sglang:time_to_first_token_seconds_bucket{is_streaming="True",le="+Inf",model_name="m"} 2.0
sglang:time_to_first_token_seconds_bucket{is_streaming="False",le="0.1",model_name="m"} 10.0
sglang:time_to_first_token_seconds_bucket{is_streaming="False",le="+Inf",model_name="m"} 20.0
sglang:time_to_first_token_seconds_sum{is_streaming="True",model_name="m"} 1.5
sglang:time_to_first_token_seconds_sum{is_streaming="False",model_name="m"} 2.5
sglang:time_to_first_token_seconds_count{is_streaming="True",model_name="m"} 2.0
sglang:time_to_first_token_seconds_count{is_streaming="False",model_name="m"} 20.0
"""


def samples(text: bytes) -> dict[str, float]:
    """Values by name and, where there is one, the value of the one label."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_series_of_one_metric_become_one() -> None:
    found = samples(translate(SGLANG, SGLang().metrics))
    assert found == {
        "qwen3_engine_requests_running": 7,
        "qwen3_engine_kv_cache_usage_ratio": 0.5,
        "qwen3_engine_weights_bytes": 1 << 29,
        "qwen3_engine_startup_seconds load_weight": 3.5,
        "qwen3_engine_startup_seconds e2e": 20,
        "qwen3_engine_prompt_tokens_total": 15,
        "qwen3_engine_time_to_first_token_seconds_bucket 0.1": 11,
        "qwen3_engine_time_to_first_token_seconds_bucket +Inf": 22,
        "qwen3_engine_time_to_first_token_seconds_sum": 4,
        "qwen3_engine_time_to_first_token_seconds_count": 22,
    }


def test_what_the_engine_does_not_say_is_absent() -> None:
    assert translate(b"", SGLang().metrics) == b""
    assert b"requests_waiting" not in translate(SGLANG, SGLang().metrics)


def test_timestamps_and_lines_without_labels() -> None:
    translation = {REQUESTS_RUNNING: SGLang().metrics[REQUESTS_RUNNING]}
    assert samples(translate(b"sglang:num_running_reqs 2 1700000000000\n", translation)) == {
        "qwen3_engine_requests_running": 2
    }


def test_types_and_help_are_said() -> None:
    families = {
        family.name: family for family in text_string_to_metric_families(translate(SGLANG, SGLang().metrics).decode())
    }
    known = {metric.name.removesuffix("_total"): metric for metric in ENGINE_METRICS}
    assert {(family.type, family.documentation) for family in families.values()} == {
        (known[name].kind, known[name].help) for name in families
    }
