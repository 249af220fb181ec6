"""Grafana dashboards of the chart, made from a few lines each: ``python -m tests.unit.docs.dashboards``.

A panel is a title, a unit and queries by legend. Dashboards choose their data source and, where it is about one, the
deployment by variables.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[3] / "charts/qwen3-operator/files/dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
ONE = 'namespace="$namespace",deployment="$deployment"'
PODS = 'namespace="$namespace",serving_qwen3_io_deployment="$deployment"'
ROUTE = 'deployment_namespace="$namespace",deployment="$deployment"'
WIDTH, HEIGHT = 12, 8


class Panel(NamedTuple):
    """One graph."""

    title: str
    unit: str
    """Grafana's name of it: s, short, percentunit, tokens/s as ``ops``."""
    queries: dict[str, str]
    """By legend."""


def quantile(part: str, metric: str, chosen: str) -> str:
    """Of a histogram over five minutes."""
    return f"histogram_quantile({part}, sum by (le) (rate({metric}_bucket{{{chosen}}}[5m])))"


FLEET = (
    Panel(
        "Deployments that do not serve",
        "short",
        {"{{namespace}}/{{deployment}}": 'qwen3_deployment_condition{condition="Ready"} < 1'},
    ),
    Panel(
        "Replicas",
        "short",
        {
            "{{namespace}}/{{deployment}} wanted": "qwen3_deployment_replicas",
            "{{namespace}}/{{deployment}} ready": "qwen3_deployment_ready_replicas",
        },
    ),
    Panel("Tokens generated per second", "ops", {"{{namespace}}/{{deployment}}": "qwen3:generated_tokens:rate_5m"}),
    Panel("First byte, 95 % within", "s", {"{{namespace}}/{{deployment}}": "qwen3:first_byte_seconds:p95_5m"}),
    Panel("KV cache in use", "percentunit", {"{{namespace}}/{{deployment}}": "qwen3:kv_cache_usage:max"}),
    Panel("Requests that wait in engines", "short", {"{{namespace}}/{{deployment}}": "qwen3:requests_waiting:sum"}),
    Panel(
        "Requests at the gateway",
        "reqps",
        {"{{model}} {{code}}": "sum by (model, code) (rate(qwen3_gateway_requests_total[5m]))"},
    ),
    Panel(
        "Tokens by tenant",
        "ops",
        {"{{tenant}}": 'sum by (tenant) (rate(qwen3_gateway_tokens_total{kind!="cached"}[5m]))'},
    ),
)
DEPLOYMENT = (
    Panel(
        "Replicas",
        "short",
        {"wanted": f"qwen3_deployment_replicas{{{ONE}}}", "ready": f"qwen3_deployment_ready_replicas{{{ONE}}}"},
    ),
    Panel(
        "Requests per second",
        "reqps",
        {"{{code}}": f"sum by (code) (rate(qwen3_runtime_requests_total{{{PODS}}}[5m]))"},
    ),
    Panel(
        "First byte",
        "s",
        {
            "half within": quantile("0.5", "qwen3_runtime_time_to_first_byte_seconds", PODS),
            "95 % within": quantile("0.95", "qwen3_runtime_time_to_first_byte_seconds", PODS),
            "target": f'qwen3_deployment_target_seconds{{{ONE},target="time_to_first_token"}}',
        },
    ),
    Panel(
        "Time per output token",
        "s",
        {
            "half within": quantile("0.5", "qwen3_engine_time_per_output_token_seconds", PODS),
            "95 % within": quantile("0.95", "qwen3_engine_time_per_output_token_seconds", PODS),
            "target": f'qwen3_deployment_target_seconds{{{ONE},target="time_per_output_token"}}',
        },
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
        "Tokens per second",
        "ops",
        {
            "prompt": f"sum(rate(qwen3_engine_prompt_tokens_total{{{PODS}}}[5m]))",
            "of it cached": f"sum(rate(qwen3_engine_cached_prompt_tokens_total{{{PODS}}}[5m]))",
            "generated": f"sum(rate(qwen3_engine_generated_tokens_total{{{PODS}}}[5m]))",
        },
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
            "at the gateway": f"sum(rate(qwen3_gateway_requests_arrived_total{{{ROUTE}}}[1m]))",
            "at the pods, {{via}}": f"sum by (via) (rate(qwen3_runtime_requests_arrived_total{{{PODS}}}[1m]))",
            "late at the gateway": f"sum(rate(qwen3_gateway_first_token_missed_total{{{ROUTE}}}[1m]))",
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
            "work that arrives": f"qwen3_autoscaler_work_replicas{{{ONE}}}",
            "headroom": f"qwen3_autoscaler_headroom_replicas{{{ONE}}}",
            "wanted": f"qwen3_autoscaler_replicas{{{ONE}}}",
            "planned": f"qwen3_deployment_replicas{{{ONE}}}",
            "ready": f"qwen3_deployment_ready_replicas{{{ONE}}}",
        },
    ),
    Panel(
        "Changes per hour, all deployments",
        "short",
        {"{{direction}} by {{rule}}": "sum by (direction, rule) (increase(qwen3_operator_scalings_total[1h]))"},
    ),
    Panel(
        "Not scaled now",
        "short",
        {"{{namespace}}/{{deployment}}": 'qwen3_deployment_condition{condition="Autoscaling"} < 1'},
    ),
    Panel(
        "Reads of Prometheus per second",
        "ops",
        {"{{result}}": "sum by (result) (rate(qwen3_operator_prometheus_reads_total[5m]))"},
    ),
    Panel(
        "A round over all deployments",
        "s",
        {"95 % within": quantile("0.95", "qwen3_operator_scaling_round_seconds", "")},
    ),
)
COLD_START = (
    Panel("Phases of each pod so far", "s", {"{{pod}} {{phase}}": f"qwen3_runtime_phase_seconds{{{PODS}}}"}),
    Panel("Parts of the engine's start", "s", {"{{pod}} {{phase}}": f"qwen3_engine_startup_seconds{{{PODS}}}"}),
    Panel(
        "Weights fetched",
        "bytes",
        {
            "{{pod}}": f"qwen3_runtime_weights_fetched_bytes{{{PODS}}}",
            "{{pod}} of": f"qwen3_runtime_weights_source_bytes{{{PODS}}}",
        },
    ),
    Panel("Requests that wait at the gateway", "short", {"{{model}}": "qwen3_gateway_waiting_requests"}),
)


def dashboard(title: str, panels: tuple[Panel, ...], *, about_one: bool) -> dict[str, Any]:
    """Grafana's JSON."""
    return {
        "uid": title.lower().replace(" ", "-"),
        "title": title,
        "tags": ["qwen3"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_source(), *(_choices() if about_one else ())]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, 2)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}


def _choices() -> tuple[dict[str, Any], ...]:
    queries = {
        "namespace": "label_values(qwen3_deployment_replicas, namespace)",
        "deployment": 'label_values(qwen3_deployment_replicas{namespace="$namespace"}, deployment)',
    }
    return tuple(
        {"name": name, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2}
        for name, query in queries.items()
    )


def files() -> dict[Path, str]:
    """Every dashboard, as it should be."""
    made = {
        "fleet": dashboard("Qwen3 fleet", FLEET, about_one=False),
        "deployment": dashboard("Qwen3 deployment", DEPLOYMENT, about_one=True),
        "autoscaler": dashboard("Qwen3 autoscaler", AUTOSCALER, about_one=True),
        "cold-start": dashboard("Qwen3 cold start", COLD_START, about_one=True),
    }
    return {FOLDER / f"{name}.json": json.dumps(content, indent=2) + "\n" for name, content in made.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
