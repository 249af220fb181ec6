"""The operator's own Prometheus metrics. kopf has none (facts: crash-only, so alert on restarts and watch age)."""

from __future__ import annotations

from contextlib import suppress

from prometheus_client import Counter, Gauge, Histogram

QUEUE_DEPTH = Gauge("qwen3_operator_queue_depth", "Objects waiting to be reconciled, delayed ones included.")
RECONCILE_SECONDS = Histogram(
    "qwen3_operator_reconcile_seconds",
    "Duration of one reconcile, by result: ok, rejected (a user's mistake), error (retried with backoff).",
    ["result"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
WRITES = Counter("qwen3_operator_writes", "Writing requests to the API server.", ["kind", "verb"])
API_ERRORS = Counter("qwen3_operator_api_errors", "Requests that the API server refused or that got lost.", ["status"])
PLANS = Counter(
    "qwen3_operator_plans", "Plans computed, by outcome: Planned or the reason of the failure.", ["outcome"]
)
PLAN_CHECKS = Counter(
    "qwen3_operator_plan_checks", "Plans in force compared with what the planner would choose now.", ["verdict"]
)
CATALOG_PROBLEMS = Gauge("qwen3_operator_catalog_problems", "Rows of the catalog's ConfigMap that are refused.")
METER_READS = Counter("qwen3_operator_meter_reads", "Reads of /metrics of pods that serve.", ["result"])
PHASE_POLLS = Counter("qwen3_operator_phase_polls", "Reads of /phase of pods that are not ready.", ["result"])
USAGE_READS = Counter("qwen3_operator_usage_reads", "Reads of /usage of the gateway.", ["result"])
TENANCY_ROUNDS = Counter("qwen3_operator_tenancy_rounds", "Compilations of tenants and routes.", ["result"])
WATCH_AGE = Gauge("qwen3_operator_watch_age_seconds", "Time since the last event or sweep of a kind.", ["kind"])
CACHED = Gauge("qwen3_operator_cached_objects", "Objects in the cache.", ["kind"])
ADMISSION_SECONDS = Histogram(
    "qwen3_operator_admission_seconds",
    "Answers of the webhook, by outcome: fits, warned, unchanged (nothing to plan), failed (allowed without a plan).",
    ["outcome"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2),
)
ADMISSION_CERTIFICATE_END = Gauge(
    "qwen3_operator_admission_certificate_end_timestamp_seconds", "When the webhook's certificate in use ends."
)
PROMETHEUS_READS = Counter(
    "qwen3_operator_prometheus_reads", "Rounds of queries to Prometheus, by result: ok, failed.", ["result"]
)
SCALING_ROUND_SECONDS = Histogram(
    "qwen3_operator_scaling_round_seconds",
    "Duration of one round of the autoscaler over all deployments.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
SCALINGS = Counter(
    "qwen3_operator_scalings", "Changes of the number of replicas by the autoscaler.", ["direction", "rule"]
)
SCALING_WANTED = Gauge(
    "qwen3_autoscaler_replicas",
    "Replicas that the autoscaler would have, within the bounds of spec.scaling, whatever its mode: what an external"
    " autoscaler needs.",
    ["namespace", "deployment"],
)
SCALING_LEVEL = Gauge(
    "qwen3_autoscaler_work_replicas", "Work that arrives, smoothed, in replicas.", ["namespace", "deployment"]
)
SCALING_HEADROOM = Gauge(
    "qwen3_autoscaler_headroom_replicas", "Kept above the work, in replicas.", ["namespace", "deployment"]
)
_DEPLOYMENT = ["namespace", "deployment"]
CONDITION = Gauge(
    "qwen3_deployment_condition",
    "Conditions of a Qwen3Deployment: 1 True, 0 False, -1 Unknown.",
    [*_DEPLOYMENT, "condition"],
)
REPLICAS = Gauge("qwen3_deployment_replicas", "Replicas that should run.", _DEPLOYMENT)
READY_REPLICAS = Gauge("qwen3_deployment_ready_replicas", "Replicas that serve.", _DEPLOYMENT)
TARGET = Gauge(
    "qwen3_deployment_target_seconds",
    "Targets of spec.slo: time_to_first_token, time_per_output_token. percentile: the recorded one that the first is"
    " compared with, the highest that is not above spec.slo.percentile.",
    [*_DEPLOYMENT, "target", "percentile"],
)
STARTUP_SECONDS = Histogram(
    "qwen3_operator_startup_seconds",
    "Steps of status.startup as they end, of the first pod of each plan. weights: of WeightsFetched, where they came"
    " from (Cache: a warm start, OtherPod, Source), else empty.",
    ["step", "weights"],
    buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
)
LEADER = Gauge("qwen3_operator_leader", "1 on the replica that reconciles.")


def forget_scaling(namespace: str, deployment: str) -> None:
    """The deployment is gone, or is not scaled any more."""
    for gauge in (SCALING_WANTED, SCALING_LEVEL, SCALING_HEADROOM):
        with suppress(KeyError):  # nothing was decided yet
            gauge.remove(namespace, deployment)
