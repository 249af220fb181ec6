"""Scaling by the work that a real Prometheus sees: every mode, a change by hand, an outage, sleep and waking.

One deployment is loaded from the first test to the growth; another sleeps meanwhile.
"""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
import yaml

from qwen3_operator.scaling import PERIOD_SECONDS
from tests.conftest import make_namespace, remove_namespace
from tests.e2e import clock
from tests.e2e.load import start_load
from tests.e2e.tenants import SYSTEM, front_door, key_secret, new_key, tenant, wait_tenant
from tests.kind import prometheus, prometheusadapter
from tests.kube import poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.load import Load
    from tests.kube import Kube, Object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

NAMESPACE, ELSEWHERE = "autoscaling", "autoscaling-namesake"
PROMETHEUS = prometheus.RELEASE
BUSY, SLEEPER, TENANT = "busy", "sleeper", "sleeper-e2e"
ROUTE = "autoscaling-sleeper"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
WISH = "qwen3_autoscaler_replicas"
CHAT: dict[str, Any] = {"model": "Qwen3-Tiny", "messages": HELLO, "max_tokens": 64}
HOLD_SECONDS = 45
# So little that one client's chats are the work of many replicas, on whatever machine this runs.
CAPACITY = {"inputTokensPerSecond": 1000, "outputTokensPerSecond": 1}


@pytest.fixture(scope="module")
def key(kube: Kube, platform: dict[str, str]) -> Iterator[str]:
    """Both deployments, and a tenant's key to the one that sleeps."""
    secret = new_key()
    busy = {"mode": "Advise", "maxReplicas": 2, "replicaCapacity": CAPACITY}
    sleeper = {"mode": "Auto", "minReplicas": 0, "maxReplicas": 1, "idleSeconds": 60, "replicaCapacity": CAPACITY}
    offered = {"model": {"servedName": ROUTE}, "tenants": {"allowed": {"names": [TENANT]}}}
    make_namespace(kube, NAMESPACE, platform["modelFolder"])
    try:
        kube.apply(
            deployment(SLEEPER, NAMESPACE, scaling=sleeper, **offered),
            deployment(BUSY, NAMESPACE, replicas=1, scaling=busy),
            key_secret(TENANT, key=secret),
            tenant(TENANT, [ROUTE]),
        )
        kube.wait_condition(BUSY, NAMESPACE, "Ready", "True", timeout=240)
        wait_tenant(kube, TENANT)
        yield secret
    finally:
        for kind in ("q3t", "secret"):
            kube.run("delete", kind, TENANT, "-n", SYSTEM, "--ignore-not-found")
        remove_namespace(kube, NAMESPACE)


@pytest.fixture(scope="module")
def load(kube: Kube, key: str, operator_image: str) -> Load:  # noqa: ARG001 - the key comes with the deployments
    """One client that asks without a pause until it is stopped."""
    url = kube.get("q3d", BUSY, NAMESPACE)["status"]["url"]
    return start_load(kube, NAMESPACE, operator_image, url, seconds=900, concurrency=1, body=CHAT)


@pytest.mark.usefixtures("load")
def test_advise_shows_the_wish_and_does_not_act(kube: Kube) -> None:
    decision = _wish(kube)
    assert decision["rule"] in ("Headroom", "Backlog")
    assert "MaxReplicas" in decision["stopped"]
    assert float(decision["observed"]["level"]) > 1
    kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="Advising")
    assert _asked(kube, BUSY) == 1


@pytest.mark.usefixtures("load")
def test_alerts_are_loaded_and_see_the_deployments(kube: Kube) -> None:
    def healths() -> set[str]:
        groups = prometheus.ask(kube, SYSTEM, "rules")["groups"]
        return {rule["health"] for group in groups for rule in group["rules"]}

    poll("all rules evaluated without an error", lambda: healths() == {"ok"}, timeout=150, interval=5)
    where = f'namespace="{NAMESPACE}",deployment="{BUSY}"'
    _wait_series(kube, f'qwen3_deployment_condition{{condition="Ready",{where}}} == 1')
    _wait_series(kube, f'qwen3:first_token_seconds:quantile_5m{{percentile="95",{where}}}')


@pytest.mark.usefixtures("load")
def test_external_is_obeyed_and_never_touched(kube: Kube) -> None:
    _set_scaling(kube, BUSY, mode="External")
    # The next decision says so: it would have two replicas, and there is one.
    kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="External", timeout=60)
    _wish(kube)
    assert _asked(kube, BUSY) == 1
    _scale(kube, 2)
    _until_asked(kube, BUSY, 2)
    assert not kube.get("q3d", BUSY, NAMESPACE)["status"].get("decisions"), "the operator changed nothing yet"


@pytest.mark.usefixtures("load")
def test_an_hpa_follows_the_wish_and_the_operator_keeps_off(kube: Kube, hpa: str) -> None:
    _scale(kube, 1)
    _until_asked(kube, BUSY, 1)
    kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="External")
    kube.apply(_hpa_of_the_docs(hpa))
    _until_asked(kube, BUSY, 2)
    status = kube.get("hpa", hpa, NAMESPACE)["status"]
    assert (status["desiredReplicas"], status["currentMetrics"][0]["external"]["metric"]["name"]) == (2, WISH)
    assert not kube.get("q3d", BUSY, NAMESPACE)["status"].get("decisions"), "the operator changed nothing"


@pytest.fixture
def hpa(kube: Kube) -> Iterator[str]:
    """Its name; it and the adapter that it reads from are gone afterwards."""
    prometheusadapter.install(kube, f"http://{PROMETHEUS}.{SYSTEM}:9090")
    yield BUSY
    kube.run("delete", "hpa", BUSY, "-n", NAMESPACE, "--ignore-not-found")
    prometheusadapter.uninstall(kube)


def _hpa_of_the_docs(name: str) -> Object:
    """For another deployment; kubectl scale and the HPA's own pace are the same."""
    [_, found] = yaml.safe_load_all(Path("docs/examples/hpa.yaml").read_text())
    found["metadata"] = {"name": name, "namespace": NAMESPACE}
    found["spec"]["scaleTargetRef"]["name"] = name
    found["spec"]["metrics"][0]["external"]["metric"]["selector"]["matchLabels"]["deployment"] = name
    return dict(found)


@pytest.mark.usefixtures("load")
def test_a_change_by_hand_holds_for_its_time_and_is_shown(kube: Kube) -> None:
    _set_scaling(kube, BUSY, mode="Auto", manualHoldSeconds=HOLD_SECONDS)
    kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="Deciding", timeout=60)
    _scale(kube, 1)
    held = kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="ManualHold", timeout=HOLD_SECONDS)
    assert "spec.replicas was set to 1 by somebody else" in held["message"]
    decision = _decision(kube, BUSY)
    assert (decision["rule"], sum(decision["granted"].values())) == ("Manual", 1)
    assert decision["manualUntil"] in held["message"]
    assert float(decision["wanted"]) > 1, "what it would do is shown meanwhile"
    assert _asked(kube, BUSY) == 1


@pytest.mark.usefixtures("load")
def test_load_brings_a_second_replica(kube: Kube) -> None:
    poll("two replicas asked for", lambda: _asked(kube, BUSY) == 2, timeout=HOLD_SECONDS + 60)
    poll("two replicas ready", lambda: _ready(kube, BUSY) == 2, timeout=240)
    kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="Deciding")
    newest = kube.get("q3d", BUSY, NAMESPACE)["status"]["decisions"][0]
    assert (newest["before"], newest["after"]) == (1, 2)
    assert "work of" in newest["reason"]
    assert "ScaledUp" in kube.run("events", "-n", NAMESPACE, "--for", f"q3d/{BUSY}")


def test_a_step_of_the_clock_takes_nothing_away_and_decisions_go_on(kube: Kube, load: Load) -> None:
    with clock.movable(kube) as step:
        kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="Deciding", timeout=90)
        for seconds in (7200, -7200):
            step(seconds)
            poll("decisions by the new clock", partial(_is_decided_at, kube, seconds), timeout=60)
            for _ in range(4):
                time.sleep(PERIOD_SECONDS)
                assert _asked(kube, BUSY) == 2
            kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="Deciding")
            assert _decision(kube, BUSY)["rule"] in ("Headroom", "Backlog"), "work is seen"
    load.stop()
    result = load.result(timeout=130)
    assert result["failures"] == []
    assert result["good"] > 10


def _is_decided_at(kube: Kube, ahead: int) -> bool:
    """Whether the newest decision is of a clock that is so many seconds ahead."""
    at = datetime.fromisoformat(_decision(kube, BUSY)["at"])
    return abs((at - datetime.now(UTC)).total_seconds() - ahead) < 300


@pytest.mark.usefixtures("load")
def test_without_prometheus_the_scale_holds_and_the_condition_says_why(kube: Kube) -> None:
    """Nothing asks any more, so that only the outage can be what keeps two replicas."""
    with no_prometheus(kube):
        lost = kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "False", reason="PrometheusFailed", timeout=90)
        assert "the last scale holds" in lost["message"]
        time.sleep(3 * PERIOD_SECONDS)
        assert _asked(kube, BUSY) == 2
    kube.wait_condition(BUSY, NAMESPACE, "Autoscaling", "True", reason="Deciding", timeout=120)


@pytest.mark.usefixtures("key")
def test_sleeps_when_idle(kube: Kube) -> None:
    kube.wait_condition(SLEEPER, NAMESPACE, "Ready", "False", reason="ScaledToZero", timeout=240)
    assert _asked(kube, SLEEPER) == 0


def test_a_request_at_the_gateway_wakes_it_and_no_namesake(kube: Kube, key: str, platform: dict[str, str]) -> None:
    make_namespace(kube, ELSEWHERE, platform["modelFolder"])
    try:
        asleep = {"mode": "Auto", "minReplicas": 0, "maxReplicas": 1, "replicaCapacity": CAPACITY}
        kube.apply(deployment(SLEEPER, ELSEWHERE, replicas=0, scaling=asleep, model={"servedName": ROUTE}))
        kube.wait_condition(SLEEPER, ELSEWHERE, "Ready", "False", reason="ScaledToZero", timeout=60)
        with front_door(kube) as url, ThreadPoolExecutor(2) as clients:
            first = clients.submit(_ask, url, key)
            poll("a replica asked for", lambda: _asked(kube, SLEEPER) == 1, timeout=60)
            second = clients.submit(_ask, url, key)
            assert "Qwen3-Tiny" in first.result(timeout=240)
            assert "Qwen3-Tiny" in second.result(timeout=60), "it came while the model was on its way"
        assert kube.get("q3d", SLEEPER, NAMESPACE)["status"]["decisions"][0]["rule"] == "Demand"
        where = f'deployment_namespace="{NAMESPACE}",deployment="{SLEEPER}"'
        _wait_series(kube, f"qwen3_gateway_requests_arrived_total{{{where}}} >= 2")
        poll("the gateway seen", lambda: "NoGatewayScrape" not in _decision(kube, SLEEPER)["seen"], timeout=60)
        assert _asked(kube, SLEEPER, ELSEWHERE) == 0, "it lets no tenant in, and was not asked for"
    finally:
        remove_namespace(kube, ELSEWHERE)


def _ask(url: str, key: str) -> str:
    """One chat; the connection waits as long as the gateway holds it."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=280) as client:
        asked: dict[str, Any] = {"model": ROUTE, "messages": HELLO, "max_tokens": 64, "temperature": 0}
        return client.chat.completions.create(**asked).choices[0].message.content or ""


@contextlib.contextmanager
def no_prometheus(kube: Kube) -> Iterator[None]:
    """Away while the block runs; it begins anew afterwards."""
    where = ("deployment", PROMETHEUS, "-n", SYSTEM)
    kube.run("scale", *where, "--replicas=0")
    poll("Prometheus gone", lambda: not kube.list("pods", SYSTEM, f"app.kubernetes.io/name={PROMETHEUS}"), timeout=60)
    try:
        yield
    finally:
        kube.run("scale", *where, "--replicas=1")
        kube.run("rollout", "status", *where, "--timeout=120s", timeout=130)


def _wait_series(kube: Kube, query: str) -> None:
    poll(query, lambda: prometheus.ask(kube, SYSTEM, "query", query=query)["result"], timeout=120, interval=5)


def _decision(kube: Kube, name: str) -> Object:
    found: Object = kube.get("q3d", name, NAMESPACE)["status"].get("decision", {})
    return found


def _wish(kube: Kube) -> Object:
    """The decision, once it would have two replicas."""

    def found() -> Object | None:
        decision = _decision(kube, BUSY)
        return decision if sum(decision.get("granted", {}).values()) == 2 else None

    answer: Object = poll(f"{BUSY} would have two replicas", found, timeout=90)
    return answer


def _asked(kube: Kube, name: str, namespace: str = NAMESPACE) -> int:
    """Replicas that its workloads ask for."""
    found = kube.list("deployments", namespace, f"serving.qwen3.io/deployment={name}")
    return sum(child["spec"]["replicas"] for child in found)


def _until_asked(kube: Kube, name: str, count: int) -> None:
    poll(f"{count} replicas of {name} asked for", lambda: _asked(kube, name) == count, timeout=60)


def _ready(kube: Kube, name: str) -> int:
    return int(kube.get("q3d", name, NAMESPACE)["status"]["readyReplicas"])


def _set_scaling(kube: Kube, name: str, **fields: Any) -> None:
    kube.patch("q3d", name, NAMESPACE, {"spec": {"scaling": fields}})


def _scale(kube: Kube, count: int) -> None:
    kube.run("scale", "q3d", BUSY, "-n", NAMESPACE, f"--replicas={count}")
