"""Grafana dashboards of the chart, made from a few lines each: ``python -m tests.unit.docs.dashboards``.

Dashboards choose their data source and, by variables, namespaces or one deployment. Series of the operator are taken by
namespace and deployment, so that the next pod of the operator goes on with the same line.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.docs.grafana import Panel, States, Variable, dashboard

FOLDER = Path(__file__).parents[3] / "charts/qwen3-operator/files/dashboards"
ONE = 'namespace="$namespace",deployment="$deployment"'
PODS = 'namespace="$namespace",serving_qwen3_io_deployment="$deployment"'
ROUTE = 'deployment_namespace="$namespace",deployment="$deployment"'
CHOSEN = 'namespace=~"$namespaces"'
EACH = "{{namespace}}/{{deployment}}"
TOKENS = "si:tok/s"
FAILED = 'code=~"5.."'


def told(metric: str, chosen: str) -> str:
    """A series of the operator, whichever of its pods tells it."""
    return f"max by (namespace, deployment) ({metric}{{{chosen}}})"


def condition(kind: str, chosen: str) -> str:
    """Its value: 1, 0 or -1."""
    return told("qwen3_deployment_condition", f'{chosen},condition="{kind}"')


def rate(metric: str, chosen: str = "", by: str = "") -> str:
    """Per second over five minutes."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}{{{chosen}}}[5m]))"


def quantile(part: str, metric: str, chosen: str, by: str = "") -> str:
    """Of a histogram over five minutes."""
    return f"histogram_quantile({part}, {rate(f'{metric}_bucket', chosen, f'{by}, le' if by else 'le')})"


def share(part: str, whole: str) -> str:
    """0 where there is nothing of the part."""
    return f"({part} or 0 * {whole}) / {whole}"


FLEET = (
    States(
        "Ready is not True, and should be",
        {EACH: f"{condition('Ready', CHOSEN)} < 1 and {told('qwen3_deployment_replicas', CHOSEN)} > 0"},
        "Empty where all is well. Deployments that sleep are left out.",
    ),
    Panel(
        "Replicas",
        "short",
        {
            f"{EACH} wanted": told("qwen3_deployment_replicas", CHOSEN),
            f"{EACH} ready": told("qwen3_deployment_ready_replicas", CHOSEN),
        },
    ),
    Panel("Tokens generated", TOKENS, {EACH: f"qwen3:generated_tokens:rate_5m{{{CHOSEN}}}"}),
    Panel(
        "First token of streams, 95 % within",
        "s",
        {EACH: f'qwen3:first_token_seconds:quantile_5m{{{CHOSEN},percentile="95"}}'},
        "As the pods see it; requests that wait in the gateway are below.",
    ),
    Panel(
        "KV cache in use",
        "percentunit",
        {EACH: f"qwen3:kv_cache_usage:max{{{CHOSEN}}}"},
        "Of the fullest pod. llama.cpp and Transformers do not say.",
    ),
    Panel("Requests that wait in engines", "short", {EACH: f"qwen3:requests_waiting:sum{{{CHOSEN}}}"}),
    Panel(
        "Requests at the gateway",
        "reqps",
        {"{{model}} {{code}}": rate("qwen3_gateway_requests_total", by="model, code")},
    ),
    Panel(
        "Part of them that fails",
        "percentunit",
        {
            "{{model}}": share(
                rate("qwen3_gateway_requests_total", FAILED, by="model"),
                rate("qwen3_gateway_requests_total", by="model"),
            )
        },
        "Answers of 500 and above. Limits (429) and clients that left (499) are no failures.",
    ),
    Panel(
        "Wait at the gateway for a replica, 95 % within",
        "s",
        {"{{model}}": quantile("0.95", "qwen3_gateway_queue_seconds", "", by="model")},
    ),
    Panel(
        "Part that misses its first-token target",
        "percentunit",
        {
            "{{model}}": share(
                rate("qwen3_gateway_first_token_missed_total", by="model"),
                rate("qwen3_gateway_requests_arrived_total", by="model"),
            )
        },
        "Of requests through the gateway, from their arrival there. 0 without spec.slo.timeToFirstToken.",
    ),
    Panel(
        "Tokens by tenant", TOKENS, {"{{tenant}}": rate("qwen3_gateway_tokens_total", 'kind!="cached"', by="tenant")}
    ),
    Panel(
        "Requests refused by a limit",
        "reqps",
        {"{{tenant}} {{limit}}": rate("qwen3_gateway_limited_total", by="tenant, limit")},
        "Empty until a tenant reaches one.",
    ),
)
DEPLOYMENT = (
    Panel(
        "Replicas",
        "short",
        {
            "wanted": told("qwen3_deployment_replicas", ONE),
            "ready": told("qwen3_deployment_ready_replicas", ONE),
        },
    ),
    Panel("Requests", "reqps", {"{{code}}": rate("qwen3_runtime_requests_total", PODS, by="code")}),
    Panel(
        "First token of streams",
        "s",
        {
            "half within": quantile("0.5", "qwen3_runtime_time_to_first_byte_seconds", f'{PODS},stream="true"'),
            "95 % within": quantile("0.95", "qwen3_runtime_time_to_first_byte_seconds", f'{PODS},stream="true"'),
            "target": told("qwen3_deployment_target_seconds", f'{ONE},target="time_to_first_token"'),
        },
        "Between two bounds of the buckets (1, 2, 5, 10 s and so on) it is an estimate.",
    ),
    Panel(
        "Time per output token",
        "s",
        {
            "half within": quantile("0.5", "qwen3_engine_time_per_output_token_seconds", PODS),
            "95 % within": quantile("0.95", "qwen3_engine_time_per_output_token_seconds", PODS),
            "target": told("qwen3_deployment_target_seconds", f'{ONE},target="time_per_output_token"'),
        },
        "llama.cpp and Transformers do not say.",
    ),
    Panel(
        "First token of the answer, after the thought",
        "s",
        {
            "half within": quantile("0.5", "qwen3_runtime_time_to_first_answer_token_seconds", PODS),
            "95 % within": quantile("0.95", "qwen3_runtime_time_to_first_answer_token_seconds", PODS),
        },
    ),
    Panel(
        "Answers in one piece",
        "s",
        {
            "half within": quantile("0.5", "qwen3_runtime_time_to_first_byte_seconds", f'{PODS},stream="false"'),
            "95 % within": quantile("0.95", "qwen3_runtime_time_to_first_byte_seconds", f'{PODS},stream="false"'),
        },
        "Of requests that ask for no stream: the time of the whole answer.",
    ),
    Panel(
        "Tokens in the engines",
        TOKENS,
        {
            "prompt": rate("qwen3_engine_prompt_tokens_total", PODS),
            "of it cached": rate("qwen3_engine_cached_prompt_tokens_total", PODS),
            "generated": rate("qwen3_engine_generated_tokens_total", PODS),
        },
    ),
    Panel(
        "Tokens of complete answers",
        TOKENS,
        {"{{kind}}": rate("qwen3_runtime_tokens_total", f'{PODS},kind!="prompt"', by="kind")},
        "Thoughts and answers apart.",
    ),
    Panel(
        "In the engines",
        "short",
        {
            "running": f"sum(qwen3_engine_requests_running{{{PODS}}})",
            "waiting": f"sum(qwen3_engine_requests_waiting{{{PODS}}})",
        },
    ),
    Panel("KV cache in use", "percentunit", {"{{pod}}": f"qwen3_engine_kv_cache_usage_ratio{{{PODS}}}"}),
)
AUTOSCALER = (
    Panel(
        "Requests asked for and let through",
        "reqps",
        {
            "at the gateway": rate("qwen3_gateway_requests_arrived_total", ROUTE),
            "at the pods, {{via}}": rate("qwen3_runtime_requests_arrived_total", PODS, by="via"),
            "late at the gateway": rate("qwen3_gateway_first_token_missed_total", ROUTE),
        },
    ),
    Panel(
        "Requests that wait",
        "short",
        {
            "in the gateway": f"sum(qwen3_gateway_waiting_requests{{{ROUTE}}})",
            "in engines": f"sum(qwen3_engine_requests_waiting{{{PODS}}})",
        },
    ),
    Panel(
        "Work and replicas",
        "short",
        {
            "work that arrives": told("qwen3_autoscaler_work_replicas", ONE),
            "headroom": told("qwen3_autoscaler_headroom_replicas", ONE),
            "wanted": told("qwen3_autoscaler_replicas", ONE),
            "planned": told("qwen3_deployment_replicas", ONE),
            "ready": told("qwen3_deployment_ready_replicas", ONE),
        },
        "Empty with spec.scaling.mode Off, but for planned and ready.",
    ),
    Panel(
        "Changes per hour, all deployments",
        "short",
        {"{{direction}} by {{rule}}": "sum by (direction, rule) (increase(qwen3_operator_scalings_total[1h]))"},
    ),
    States(
        "Autoscaling is not True, all deployments",
        {EACH: 'max by (namespace, deployment) (qwen3_deployment_condition{condition="Autoscaling"}) < 1'},
        "Empty where all is well. Meanwhile the last scale holds.",
    ),
    Panel(
        "Rounds of queries to Prometheus",
        "reqps",
        {"{{result}}": rate("qwen3_operator_prometheus_reads_total", by="result")},
    ),
    Panel(
        "A round over all deployments",
        "s",
        {"95 % within": quantile("0.95", "qwen3_operator_scaling_round_seconds", "")},
    ),
)
COLD_START = (
    Panel("Phases of each pod so far", "s", {"{{pod}} {{phase}}": f"qwen3_runtime_phase_seconds{{{PODS}}}"}),
    Panel(
        "Parts of the engine's start",
        "s",
        {"{{pod}} {{phase}}": f"qwen3_engine_startup_seconds{{{PODS}}}"},
        "SGLang alone says so.",
    ),
    Panel(
        "Weights fetched",
        "bytes",
        {
            "{{pod}}": f"qwen3_runtime_weights_fetched_bytes{{{PODS}}}",
            "{{pod}} of": f"qwen3_runtime_weights_source_bytes{{{PODS}}}",
        },
        "Empty where the weights lie on a claim already.",
    ),
    Panel(
        "Requests that wait at the gateway, all models",
        "short",
        {"{{model}}": "sum by (model) (qwen3_gateway_waiting_requests)"},
    ),
)
# Named apart from the single one: links between dashboards hand values on by name, and "All" is no namespace.
NAMESPACES = Variable("namespaces", "label_values(qwen3_deployment_replicas, namespace)", is_many=True)
DEPLOYMENT_CHOICE = (
    Variable("namespace", NAMESPACES.query),
    Variable("deployment", 'label_values(qwen3_deployment_replicas{namespace="$namespace"}, deployment)'),
)


def files() -> dict[Path, str]:
    """Every dashboard, as it should be."""
    made = {
        "fleet": dashboard("Qwen3 fleet", FLEET, (NAMESPACES,)),
        "deployment": dashboard("Qwen3 deployment", DEPLOYMENT, DEPLOYMENT_CHOICE),
        "autoscaler": dashboard("Qwen3 autoscaler", AUTOSCALER, DEPLOYMENT_CHOICE),
        "cold-start": dashboard("Qwen3 cold start", COLD_START, DEPLOYMENT_CHOICE),
    }
    return {FOLDER / f"{name}.json": json.dumps(content, indent=2) + "\n" for name, content in made.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
