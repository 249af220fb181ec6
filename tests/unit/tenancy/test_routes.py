from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qwen3_operator.api.status import Capacity, CapacitySource, Compared
from qwen3_operator.catalog import load_catalog
from qwen3_operator.performance.rates import TokenRates
from qwen3_operator.tenancy.rates import rates
from qwen3_operator.tenancy.routes import most_in_flight, route
from tests.unit.manifests.samples import placement, plan
from tests.unit.reconcile.samples import pod, workloads
from tests.unit.tenancy.given import predicted, ready_pod, served

CATALOG = load_catalog()
STARTED = [
    {"phase": "Scheduled", "startedAt": "2026-11-27T11:00:00Z", "finishedAt": "2026-11-27T12:00:00Z"},
    {"phase": "ContainerStarted", "startedAt": "2026-11-27T12:00:00Z", "finishedAt": "2026-11-27T12:00:03Z"},
    {"phase": "FirstToken", "startedAt": "2026-11-27T12:00:30Z", "finishedAt": "2026-11-27T12:00:42Z"},
]


def made(**fields: Any) -> Any:
    found = served(**fields)
    assert found.plan is not None
    return route(found, found.plan)


def held(found: int) -> Capacity:
    concurrency = Compared(predicted=3, found=found)
    return Capacity(pool="h100", source=CapacitySource.CALIBRATED, max_concurrency=concurrency)


def test_ready_pods_are_endpoints_in_a_stable_order() -> None:
    found = made(pods=(ready_pod("10.0.0.9"), ready_pod("10.0.0.10", "chat-1"), pod("chat-2")))
    assert [endpoint.address for endpoint in found.endpoints] == ["10.0.0.10:8080", "10.0.0.9:8080"]
    assert {endpoint.placement for endpoint in found.endpoints} == {"h100"}
    assert {endpoint.max_in_flight for endpoint in found.endpoints} == {3}
    assert not found.sleeping


def test_a_v6_address_stands_in_brackets() -> None:
    assert made(pods=(ready_pod("fd00::9"),)).endpoints[0].address == "[fd00::9]:8080"


def test_a_pod_of_a_placement_that_is_not_planned_is_no_endpoint() -> None:
    other = plan(placement(pool="h200"))
    assert made(planned=other, pods=(ready_pod("10.0.0.9"),)).endpoints == ()


def test_at_zero_replicas_it_sleeps_and_says_how_long_waking_takes() -> None:
    found = made(planned=plan(placement(replicas=0)), status={"startup": STARTED})
    assert found.sleeping
    assert found.wake_seconds == pytest.approx(42.0)


def test_before_the_first_start_nobody_knows_how_long_it_takes() -> None:
    assert made().wake_seconds is None
    assert made(status={"startup": STARTED[:2]}).wake_seconds is None


def test_target_and_context_come_from_spec_and_plan() -> None:
    found = made(spec={"slo": {"timeToFirstToken": "1500ms"}})
    assert found.first_token_target_seconds == pytest.approx(1.5)
    assert found.context_length == 8192


@pytest.mark.parametrize(
    ("within_slo", "found", "most"),
    [
        (3, None, 3),
        (3, 5, 5),  # memory limits, and there is more of it
        (3, 2, 2),
        (2, 5, 2),  # the targets limit
        (2, 1, 1),
        (0, None, 1),  # one request alone misses the targets: it is served all the same
    ],
)
def test_requests_in_flight(within_slo: int, found: int | None, most: int) -> None:
    chosen = placement(max_concurrency=3, predicted=predicted(max_concurrency=within_slo))
    assert most_in_flight(chosen, None if found is None else held(found)) == most


def test_without_a_prediction_memory_alone_counts() -> None:
    assert most_in_flight(placement(max_concurrency=7), None) == 7


def test_weights_follow_the_rates() -> None:
    fast = made(pods=(ready_pod("10.0.0.9"),), rates={"h100": TokenRates(9000.0, 700.0)}).endpoints[0]
    assert (fast.prompt_tokens_per_second, fast.output_tokens_per_second, fast.weight) == (9000.0, 700.0, 700.0)
    assert made(pods=(ready_pod("10.0.0.9"),)).endpoints[0].weight == 3


def test_rates_are_the_models_corrected_by_what_was_seen() -> None:
    chosen = placement(tensor_parallel=1, devices_per_replica=1, max_concurrency=32, kv_cache_tokens=200_000)
    whole, spec = plan(chosen), served().spec
    plain = rates(whole, chosen, spec, None, CATALOG)
    assert plain is not None
    assert plain.prompt > plain.output > 0
    slow = Capacity(
        pool="h100",
        source=CapacitySource.OBSERVED,
        time_to_first_token_milliseconds=Compared(predicted=100, found=300),
        time_per_output_token_microseconds=Compared(predicted=1000, found=2000),
    )
    seen = rates(whole, chosen, spec, slow, CATALOG)
    assert seen is not None
    assert seen.prompt == pytest.approx(plain.prompt / 3)
    assert seen.output == pytest.approx(plain.output / 2)


def test_of_a_cpu_no_rate_is_known() -> None:
    chosen = placement(device="cpu", accelerator="CPU")
    assert rates(plan(chosen), chosen, served().spec, None, CATALOG) is None


CLAIM = {"persistentVolumeClaim": {"claimName": "lora"}}
WITH_LORA = {"model": {"servedName": "chat", "adapters": [{"name": "law", "source": CLAIM}]}}


def test_an_adapter_is_routed_to_once_a_ready_pod_has_it() -> None:
    def adapters(*pods: Any, have: int | None = None) -> tuple[str, ...] | None:
        found = served(spec=WITH_LORA, pods=pods)
        assert found.plan is not None
        entries = [] if have is None else [{"name": "law", "state": "Invalid", "pods": have, "lacking": 1}]
        deployment = {**found.deployment, "status": {"adapters": entries}}
        return route(replace(found, deployment=deployment), found.plan, ["law"]).adapters

    ready = ready_pod("10.0.0.1", "chat-1", workload=workloads(WITH_LORA)[0])
    assert adapters() == adapters(pod("chat-9")) == ("law",), "a request wakes a pod that will have it"
    assert adapters(ready) is adapters(ready, have=0) is None
    assert adapters(ready, have=1) == ("law",), "another pod that has it not right takes nothing from anyone"
