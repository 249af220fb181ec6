"""What each alert is for, what looks like it and is not, and when it speaks."""

from __future__ import annotations

from tests.rules.healthy import CHAT, GATEWAY, LEADER, POD, STANDBY, histogram, rising, steady
from tests.rules.promtool import Fired, Story

NOBODY: tuple[Fired, ...] = ()
_OF_CHAT = {"namespace": "team", "deployment": "chat"}
_OPERATOR = {"pod": "operator-0"}
_STREAMS = f'{POD},path="chat",stream="true"'
_FIRST_BYTE = "qwen3_runtime_time_to_first_byte_seconds"


def _condition(name: str, values: str, pod: str = LEADER) -> dict[str, str]:
    return {f'qwen3_deployment_condition{{{CHAT},condition="{name}",{pod}}}': values}


def _replicas(wanted: str, ready: str, pod: str = LEADER) -> dict[str, str]:
    return {
        f"qwen3_deployment_replicas{{{CHAT},{pod}}}": wanted,
        f"qwen3_deployment_ready_replicas{{{CHAT},{pod}}}": ready,
    }


def _target(seconds: float, percentile: int = 95, pod: str = LEADER) -> dict[str, str]:
    labels = f'{CHAT},target="time_to_first_token",percentile="{percentile}",{pod}'
    return {f"qwen3_deployment_target_seconds{{{labels}}}": steady(seconds)}


def _requests(code: int, values: str) -> dict[str, str]:
    return {f'qwen3_gateway_requests_total{{{GATEWAY},tenant="acme",operation="chat",code="{code}"}}': values}


_UNPLANNED = Fired("team/chat has no plan for 10 minutes", _OF_CHAT)
_DOWN = Fired("team/chat has served nobody for 30 minutes", _OF_CHAT)
_FEWER = Fired("team/chat runs with fewer replicas than planned for 30 minutes", _OF_CHAT)
_FULL = Fired("team/chat: requests wait for KV cache", _OF_CHAT)
_BLIND = Fired("team/chat is not scaled: the last scale holds", _OF_CHAT)
_BUSY = Fired("team/chat: work of 2.5 replicas, more than may run", _OF_CHAT)
_NO_LEADER = Fired("no replica of the operator reconciles")
_RESTARTS = Fired("the operator has started anew 5 times within an hour", _OPERATOR)
_STOPPED = Fired("the operator leads and makes no scaling decisions", _OPERATOR)
_SILENT = Fired("the operator has seen no Pod for half an hour", {**_OPERATOR, "kind": "Pod"})
_REFUSED = Fired("the API server refuses the operator's requests", {**_OPERATOR, "status": "403"})
_EXPIRES = Fired("the webhook's certificate ends within a week and was not renewed", _OPERATOR)
_ROWS = Fired("3 rows of the catalog ConfigMap are refused")
_AWAY = Fired("gateways cannot reach their store; limits hold by shares")
_FAILS = Fired("more than 2 % of the requests to chat fail", {"model": "chat"})
_QUEUE = Fired("requests to chat wait 19.5s (p95) for a replica", {"model": "chat"})


def _late(seconds: str, percentile: int) -> Fired:
    summary = f"team/chat: first token after {seconds} (p{percentile}), later than spec.slo"
    return Fired(summary, {**_OF_CHAT, "percentile": str(percentile)})


DEPLOYMENTS = (
    Story(
        "Qwen3DeploymentNotPlanned",
        "no plan for ten minutes",
        _condition("Planned", "0+0x60"),
        {"9m": NOBODY, "11m": (_UNPLANNED,)},
    ),
    Story(
        "Qwen3DeploymentNotPlanned",
        "another pod of the operator goes on counting where the first stopped",
        {**_condition("Planned", "0+0x10 stale"), **_condition("Planned", "_x10 0+0x60", STANDBY)},
        {"11m": (_UNPLANNED,)},
    ),
    Story(
        "Qwen3DeploymentNotPlanned",
        "deleted while it waited",
        _condition("Planned", "0+0x60 stale"),
        {"29m": (_UNPLANNED,), "31m": NOBODY},
    ),
    Story(
        "Qwen3DeploymentNotReady",
        "nobody is served",
        _replicas("2+0x90", "0+0x90"),
        {"29m": NOBODY, "31m": (_DOWN,)},
    ),
    Story(
        "Qwen3DeploymentNotReady",
        "new, its weights arrive for an hour, then the engine hangs",
        {
            **_replicas(steady(1), steady(0)),
            f"qwen3_runtime_weights_fetched_bytes{{{POD}}}": "0+1e9x120 120e9+0x200",
        },
        {"55m": NOBODY, "95m": NOBODY, "105m": (_DOWN,)},
    ),
    Story(
        "Qwen3DeploymentNotReady",
        "a fetch that stands still is no excuse",
        {**_replicas(steady(1), steady(0)), f"qwen3_runtime_weights_fetched_bytes{{{POD}}}": steady(7e9)},
        {"31m": (_DOWN,)},
    ),
    Story(
        "Qwen3DeploymentNotReady",
        "sleeps, wakes in four minutes, sleeps again",
        _replicas("0+0x60 1+0x60 0+0x120", "0+0x68 1+0x52 0+0x120"),
        {"25m": NOBODY, "31m": NOBODY, "2h": NOBODY},
    ),
    Story(
        "Qwen3ReplicasMissing",
        "one of two for half an hour",
        _replicas("2+0x90", "1+0x90"),
        {"29m": NOBODY, "31m": (_FEWER,)},
    ),
    Story(
        "Qwen3ReplicasMissing",
        "none at all is another alert's",
        _replicas("2+0x90", "0+0x90"),
        {"40m": NOBODY},
    ),
    Story(
        "Qwen3ReplicasMissing",
        "more than planned while a rollout has a pod over",
        _replicas("2+0x90", "3+0x90"),
        {"40m": NOBODY},
    ),
)
LOAD = (
    Story(
        "Qwen3FirstByteLate",
        "streams begin later than the target",
        {**_target(2), **histogram(_FIRST_BYTE, _STREAMS, "5")},
        {"9m": NOBODY, "12m": (_late("4.85s", 95),)},
    ),
    Story(
        "Qwen3FirstByteLate",
        "two operators tell the same target while one takes over",
        {**_target(2), **_target(2, pod=STANDBY), **histogram(_FIRST_BYTE, _STREAMS, "5")},
        {"12m": (_late("4.85s", 95),)},
    ),
    Story(
        "Qwen3FirstByteLate",
        "answers in one piece take long by nature",
        {
            **_target(2),
            **histogram(_FIRST_BYTE, _STREAMS, "1"),
            **histogram(_FIRST_BYTE, f'{POD},path="chat",stream="false"', "50"),
        },
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3FirstByteLate",
        "one in ten is late: more than p95 allows",
        {
            **_target(2),
            **histogram(_FIRST_BYTE, _STREAMS, "1", each=27),
            **histogram(_FIRST_BYTE, f'{POD},path="text",stream="true"', "5", each=3),
        },
        {"12m": (_late("3.5s", 95),)},
    ),
    Story(
        "Qwen3FirstByteLate",
        "one in ten is late: as many as p90 allows, and fewer than a quarter",
        {
            **_target(2, 90),
            **histogram(_FIRST_BYTE, _STREAMS, "1", each=27),
            **histogram(_FIRST_BYTE, f'{POD},path="text",stream="true"', "5", each=3),
        },
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3FirstByteLate",
        "no target, and a target without traffic",
        {**histogram(_FIRST_BYTE, _STREAMS, "50"), **_replicas(steady(1), steady(1))},
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3FirstByteLate",
        "a target and nobody asks",
        {**_target(2), **histogram(_FIRST_BYTE, _STREAMS, "50", each=0)},
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3KVCacheFull",
        "full, and requests wait",
        {
            f"qwen3_engine_kv_cache_usage_ratio{{{POD}}}": "0.97+0x60",
            f"qwen3_engine_requests_waiting{{{POD}}}": "4+0x60",
        },
        {"14m": NOBODY, "16m": (_FULL,)},
    ),
    Story(
        "Qwen3KVCacheFull",
        "requests wait for something else",
        {
            f"qwen3_engine_kv_cache_usage_ratio{{{POD}}}": "0.5+0x60",
            f"qwen3_engine_requests_waiting{{{POD}}}": "4+0x60",
        },
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3KVCacheFull",
        "an engine that does not say how full it is",
        {f"qwen3_engine_requests_waiting{{{POD}}}": "4+0x60"},
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3AutoscalerBlind",
        "nothing is known",
        _condition("Autoscaling", "0+0x60"),
        {"9m": NOBODY, "11m": (_BLIND,)},
    ),
    Story(
        "Qwen3AutoscalerBlind",
        "nothing was decided yet",
        _condition("Autoscaling", "-1+0x60"),
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3AutoscalerBlind",
        "its mode became Off",
        _condition("Autoscaling", "0+0x10 stale"),
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3MoreWorkThanReplicas",
        "more than its bound lets run",
        {f"qwen3_autoscaler_work_replicas{{{CHAT},{LEADER}}}": "2.5+0x60", **_replicas("2+0x60", "2+0x60")},
        {"14m": NOBODY, "16m": (_BUSY,)},
    ),
    Story(
        "Qwen3MoreWorkThanReplicas",
        "it scales up in time",
        {f"qwen3_autoscaler_work_replicas{{{CHAT},{LEADER}}}": "2.5+0x60", **_replicas("2+0x10 3+0x50", "2+0x60")},
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3MoreWorkThanReplicas",
        "asleep: what is left of its work fades and is never 0",
        {f"qwen3_autoscaler_work_replicas{{{CHAT},{LEADER}}}": "1e-6+0x60", **_replicas("0+0x60", "0+0x60")},
        {"30m": NOBODY},
    ),
)
OPERATOR = (
    Story(
        "Qwen3OperatorNotLeading",
        "no operator at all",
        {},
        {"9m": NOBODY, "11m": (_NO_LEADER,)},
    ),
    Story(
        "Qwen3OperatorNotLeading",
        "two that wait for each other",
        {f"qwen3_operator_leader{{{LEADER}}}": "0+0x60", f"qwen3_operator_leader{{{STANDBY}}}": "0+0x60"},
        {"9m": NOBODY, "11m": (_NO_LEADER,)},
    ),
    Story(
        "Qwen3OperatorNotLeading",
        "leadership moves within a minute",
        {f"qwen3_operator_leader{{{LEADER}}}": "1+0x20 stale", f"qwen3_operator_leader{{{STANDBY}}}": "0+0x22 1+0x60"},
        {"15m": NOBODY, "30m": NOBODY},
    ),
    Story(
        "Qwen3OperatorRestarts",
        "it leads for ten minutes each time",
        {
            f"process_start_time_seconds{{{LEADER}}}": "".join(f"{count}+0x18 _ " for count in range(1, 9)),
            f"qwen3_operator_leader{{{LEADER}}}": "1+0x18 _ " * 8,
        },
        {"35m": NOBODY, "55m": (_RESTARTS,)},
    ),
    Story(
        "Qwen3OperatorRestarts",
        "an upgrade and a lost Lease",
        {
            f"process_start_time_seconds{{{LEADER}}}": "1+0x10 stale",
            f"process_start_time_seconds{{{STANDBY}}}": "_x11 2+0x40 3+0x60",
            f"qwen3_operator_leader{{{STANDBY}}}": "_x11 1+0x100",
        },
        {f"{minute}m": NOBODY for minute in (10, 30, 50)},
    ),
    Story(
        "Qwen3OperatorRestarts",
        "restarts of something else",
        {'process_start_time_seconds{pod="other-0"}': "1+1x120", f"qwen3_operator_leader{{{LEADER}}}": "1+0x120"},
        {"50m": NOBODY},
    ),
    Story(
        "Qwen3AutoscalerStopped",
        "it leads, and the rounds have stopped",
        {
            f"qwen3_operator_leader{{{LEADER}}}": "1+0x90",
            f"qwen3_operator_scaling_round_seconds_count{{{LEADER}}}": "0+3x20 60+0x70",
        },
        {"24m": NOBODY, "26m": (_STOPPED,)},
    ),
    Story(
        "Qwen3AutoscalerStopped",
        "an operator of other namespaces works: that does not hide it",
        {
            f"qwen3_operator_leader{{{LEADER}}}": "1+0x90",
            f"qwen3_operator_scaling_round_seconds_count{{{LEADER}}}": "9+0x90",
            'qwen3_operator_leader{pod="other-0"}': "1+0x90",
            'qwen3_operator_scaling_round_seconds_count{pod="other-0"}': "0+3x90",
        },
        {"16m": (_STOPPED,)},
    ),
    Story(
        "Qwen3AutoscalerStopped",
        "one that waited for an hour takes over",
        {
            f"qwen3_operator_leader{{{STANDBY}}}": "0+0x120 1+0x60",
            f"qwen3_operator_scaling_round_seconds_count{{{STANDBY}}}": "0+0x120 3+3x60",
        },
        {"59m": NOBODY, "66m": NOBODY, "80m": NOBODY},
    ),
    Story(
        "Qwen3OperatorWatchSilent",
        "a watch and the sweeps are dead",
        {f'qwen3_operator_watch_age_seconds{{kind="Pod",{LEADER}}}': "0+30x120"},
        {"34m": NOBODY, "36m": (_SILENT,)},
    ),
    Story(
        "Qwen3OperatorWatchSilent",
        "nothing happens, and a sweep looks every five minutes",
        {f'qwen3_operator_watch_age_seconds{{kind="Pod",{LEADER}}}': "0+30x10 0+30x10 0+30x10 0+30x60"},
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3OperatorRefused",
        "refused every two minutes",
        {
            f'qwen3_operator_api_errors_total{{status="403",{LEADER}}}': "_x4 1 1 1 1 "
            + "".join(f"{count} {count} {count} {count} " for count in range(2, 20))
        },
        {"17m": NOBODY, "21m": (_REFUSED,)},
    ),
    Story(
        "Qwen3OperatorRefused",
        "refused once",
        {f'qwen3_operator_api_errors_total{{status="403",{LEADER}}}': "1+0x20 2+0x60"},
        {f"{minute}m": NOBODY for minute in (11, 20, 21, 25, 26, 30)},
    ),
    Story(
        "Qwen3OperatorRefused",
        "conflicts are everyday life",
        {f'qwen3_operator_api_errors_total{{status="409",{LEADER}}}': "0+1x90"},
        {"40m": NOBODY},
    ),
    Story(
        "Qwen3WebhookCertificateEnds",
        "not renewed",
        {f"qwen3_operator_admission_certificate_end_timestamp_seconds{{{LEADER}}}": f"{6 * 86400}+0x240"},
        {"59m": NOBODY, "61m": (_EXPIRES,)},
    ),
    Story(
        "Qwen3WebhookCertificateEnds",
        "no webhook: the gauge was never set",
        {f"qwen3_operator_admission_certificate_end_timestamp_seconds{{{LEADER}}}": "0+0x240"},
        {"110m": NOBODY},
    ),
    Story(
        "Qwen3CatalogRowsRefused",
        "three rows, of which both replicas tell",
        {
            f"qwen3_operator_catalog_problems{{{LEADER}}}": "3+0x60",
            f"qwen3_operator_catalog_problems{{{STANDBY}}}": "3+0x60",
        },
        {"9m": NOBODY, "11m": (_ROWS,)},
    ),
)
GATEWAYS = (
    Story(
        "Qwen3GatewayStoreAway",
        "one of two gateways cannot reach it",
        {
            'qwen3_gateway_store_away{pod="gateway-0"}': "0+0x60",
            'qwen3_gateway_store_away{pod="gateway-1"}': "0+0x9 1+0x50",
        },
        {"4m": NOBODY, "5m": NOBODY, "6m30s": (_AWAY,)},
    ),
    Story(
        "Qwen3GatewayFails",
        "three in a hundred",
        {**_requests(200, rising(97)), **_requests(502, rising(2)), **_requests(503, rising(1))},
        {"9m": NOBODY, "11m": (_FAILS,)},
    ),
    Story(
        "Qwen3GatewayFails",
        "every request, and there was never one that did not",
        _requests(503, rising(1)),
        {"11m": (_FAILS,)},
    ),
    Story(
        "Qwen3GatewayFails",
        "limits and clients that leave are no failures",
        {**_requests(200, rising(10)), **_requests(429, rising(80)), **_requests(499, rising(10))},
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3GatewayFails",
        "it failed, and nobody asks any more",
        _requests(503, "0+5x12 60+0x90"),
        {"30m": NOBODY},
    ),
    Story(
        "Qwen3GatewayQueueLong",
        "all wait",
        histogram("qwen3_gateway_queue_seconds", GATEWAY, "20"),
        {"9m": NOBODY, "12m": (_QUEUE,)},
    ),
    Story(
        "Qwen3GatewayQueueLong",
        "one waited for a model that woke",
        {
            f'qwen3_gateway_queue_seconds_bucket{{{GATEWAY},le="50"}}': "0+0x90",
            f'qwen3_gateway_queue_seconds_bucket{{{GATEWAY},le="100"}}': "0+0x10 1+0x80",
            f'qwen3_gateway_queue_seconds_bucket{{{GATEWAY},le="+Inf"}}': "0+0x10 1+0x80",
        },
        {"9m": NOBODY, "12m": NOBODY, "16m": NOBODY},
    ),
)
STORIES = (*DEPLOYMENTS, *LOAD, *OPERATOR, *GATEWAYS)
