"""Series of an installation in which nothing is wrong: one deployment under load, one that sleeps, one new."""

from __future__ import annotations

CHAT = 'namespace="team",deployment="chat"'
ASLEEP = 'namespace="team",deployment="asleep"'
LEADER = 'pod="operator-0"'
STANDBY = 'pod="operator-1"'
POD = 'namespace="team",pod="chat-0",serving_qwen3_io_deployment="chat",serving_qwen3_io_placement="pool-a"'
GATEWAY = 'pod="gateway-0",model="chat"'
ROUTE = f'{GATEWAY},deployment_namespace="team",deployment="chat"'
HOURS = "x960"
"""Eight hours of samples."""


def steady(value: float) -> str:
    """The same all the time."""
    return f"{value:g}+0{HOURS}"


def rising(by: float) -> str:
    """A counter."""
    return f"0+{by:g}{HOURS}"


def histogram(name: str, labels: str, at_most: str, *, each: float = 30) -> dict[str, str]:
    """Observations that are all in the bucket that ends at ``at_most``, so many each half minute."""
    bounds = ("0.005", "0.05", "0.5", "1", "2", "5", "10", "20", "50", "100", "+Inf")
    first = bounds.index(at_most)
    buckets = {
        f'{name}_bucket{{{labels},le="{bound}"}}': rising(each if index >= first else 0)
        for index, bound in enumerate(bounds)
    }
    return {**buckets, f"{name}_sum{{{labels}}}": rising(each), f"{name}_count{{{labels}}}": rising(each)}


def _deployment(labels: str, replicas: int, ready: int, **conditions: int) -> dict[str, str]:
    values = {
        f"qwen3_deployment_replicas{{{labels},{LEADER}}}": steady(replicas),
        f"qwen3_deployment_ready_replicas{{{labels},{LEADER}}}": steady(ready),
    }
    for condition, value in conditions.items():
        values[f'qwen3_deployment_condition{{{labels},condition="{condition}",{LEADER}}}'] = steady(value)
    return values


DEPLOYMENTS = {
    **_deployment(
        CHAT, 2, 2, Planned=1, Scheduled=1, WeightsReady=1, Ready=1, PlanOutdated=0, Offered=1, Autoscaling=1
    ),
    # With a model at zero Ready is False and the others Unknown, and its work fades for hours.
    **_deployment(ASLEEP, 0, 0, Planned=1, Scheduled=-1, WeightsReady=-1, Ready=0, Autoscaling=1),
    f'qwen3_deployment_target_seconds{{{CHAT},target="time_to_first_token",percentile="95",{LEADER}}}': steady(2),
    f'qwen3_deployment_target_seconds{{{CHAT},target="time_per_output_token",percentile="95",{LEADER}}}': steady(0.1),
    f"qwen3_autoscaler_work_replicas{{{CHAT},{LEADER}}}": steady(1.5),
    f"qwen3_autoscaler_work_replicas{{{ASLEEP},{LEADER}}}": steady(0.0001),
    f"qwen3_autoscaler_headroom_replicas{{{CHAT},{LEADER}}}": steady(0.3),
    f"qwen3_autoscaler_replicas{{{CHAT},{LEADER}}}": steady(2),
}
OPERATOR = {
    f"qwen3_operator_leader{{{LEADER}}}": steady(1),
    f"qwen3_operator_leader{{{STANDBY}}}": steady(0),
    f"process_start_time_seconds{{{LEADER}}}": steady(1e9),
    **histogram("qwen3_operator_scaling_round_seconds", LEADER, "0.05", each=3),
    f"qwen3_operator_scaling_round_seconds_count{{{STANDBY}}}": steady(0),
    f'qwen3_operator_watch_age_seconds{{kind="Pod",{LEADER}}}': steady(3),
    f'qwen3_operator_watch_age_seconds{{kind="AcceleratorPool",{LEADER}}}': steady(250),
    f'qwen3_operator_api_errors_total{{status="409",{LEADER}}}': rising(1),
    f'qwen3_operator_api_errors_total{{status="403",{LEADER}}}': steady(4),
    f"qwen3_operator_admission_certificate_end_timestamp_seconds{{{LEADER}}}": steady(60 * 86400),
    # Without a webhook the gauge stays at its first value.
    f"qwen3_operator_admission_certificate_end_timestamp_seconds{{{STANDBY}}}": steady(0),
    f"qwen3_operator_catalog_problems{{{LEADER}}}": steady(0),
    f'qwen3_operator_scalings_total{{direction="up",rule="Level",{LEADER}}}': rising(0.01),
    f'qwen3_operator_prometheus_reads_total{{result="ok",{LEADER}}}': rising(3),
}
PODS = {
    f'qwen3_runtime_requests_total{{{POD},path="chat",code="200"}}': rising(30),
    f'qwen3_runtime_requests_arrived_total{{{POD},path="chat",via="gateway"}}': rising(30),
    **histogram("qwen3_runtime_time_to_first_byte_seconds", f'{POD},path="chat",stream="true"', "1"),
    # Answers in one piece: their first byte is their last.
    **histogram("qwen3_runtime_time_to_first_byte_seconds", f'{POD},path="chat",stream="false"', "50"),
    **histogram("qwen3_runtime_time_to_first_answer_token_seconds", f'{POD},path="chat"', "5"),
    f'qwen3_runtime_tokens_total{{{POD},path="chat",kind="prompt"}}': rising(9000),
    f'qwen3_runtime_tokens_total{{{POD},path="chat",kind="thinking"}}': rising(4000),
    f'qwen3_runtime_tokens_total{{{POD},path="chat",kind="answer"}}': rising(2000),
    f'qwen3_runtime_phase_seconds{{{POD},phase="StartingEngine"}}': steady(40),
    f"qwen3_runtime_weights_fetched_bytes{{{POD}}}": steady(9e9),
    f"qwen3_runtime_weights_source_bytes{{{POD}}}": steady(9e9),
    f"qwen3_engine_requests_running{{{POD}}}": steady(6),
    f"qwen3_engine_requests_waiting{{{POD}}}": steady(0),
    f"qwen3_engine_kv_cache_usage_ratio{{{POD}}}": steady(0.97),
    f'qwen3_engine_startup_seconds{{{POD},phase="weights"}}': steady(20),
    f"qwen3_engine_prompt_tokens_total{{{POD}}}": rising(9000),
    f"qwen3_engine_cached_prompt_tokens_total{{{POD}}}": rising(3000),
    f"qwen3_engine_generated_tokens_total{{{POD}}}": rising(6000),
    **histogram("qwen3_engine_time_per_output_token_seconds", POD, "0.05"),
}
FRONT = {
    f'qwen3_gateway_requests_total{{{GATEWAY},tenant="acme",operation="chat",code="200"}}': rising(1000),
    f'qwen3_gateway_requests_total{{{GATEWAY},tenant="acme",operation="chat",code="429"}}': rising(500),
    f'qwen3_gateway_requests_total{{{GATEWAY},tenant="acme",operation="chat",code="500"}}': rising(10),
    f'qwen3_gateway_tokens_total{{{GATEWAY},tenant="acme",kind="prompt"}}': rising(9000),
    f'qwen3_gateway_tokens_total{{{GATEWAY},tenant="acme",kind="answer"}}': rising(6000),
    'qwen3_gateway_limited_total{pod="gateway-0",tenant="acme",limit="requestsPerMinute"}': rising(500),
    'qwen3_gateway_store_away{pod="gateway-0"}': steady(0),
    f"qwen3_gateway_requests_arrived_total{{{ROUTE}}}": rising(1010),
    f"qwen3_gateway_first_token_missed_total{{{ROUTE}}}": rising(5),
    f"qwen3_gateway_waiting_requests{{{ROUTE}}}": steady(1),
    f"qwen3_gateway_requests_in_flight{{{GATEWAY}}}": steady(6),
    f"qwen3_gateway_replicas{{{GATEWAY}}}": steady(2),
    **histogram("qwen3_gateway_queue_seconds", GATEWAY, "2"),
    **histogram("qwen3_gateway_time_to_first_byte_seconds", GATEWAY, "5"),
}
HEALTHY = {**DEPLOYMENTS, **OPERATOR, **PODS, **FRONT}
