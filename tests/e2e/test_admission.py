"""Warnings at `kubectl apply`, and that the webhook behind them never stands in the way."""

from __future__ import annotations

import base64
import re
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.kind import pools
from tests.kube import poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube, Object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

SYSTEM, OPERATOR = "qwen3-system", "qwen3-operator"
WEBHOOK = f"{OPERATOR}-admission"
"""The webhook's Service, and the Secret with its certificates."""
CONFIGURATION = f"{OPERATOR}.{SYSTEM}"
BACK_WITHIN = 60


@pytest.fixture(autouse=True)
def webhook(kube: Kube) -> None:
    """The webhook answers, whatever the test before did to it."""
    _wait_for_warnings(kube)


def _unknown(name: str = "unknown", namespace: str = "default") -> Object:
    return deployment(name, namespace, model={"name": "Qwen3-23B"})


def _too_big(name: str, namespace: str) -> Object:
    return deployment(name, namespace, model={"name": "Qwen3-235B-A22B"})


def _wait_for_warnings(kube: Kube) -> list[str]:
    found: list[str] = poll(
        "a warning", lambda: kube.warnings(_unknown(), server_dry_run=True), timeout=BACK_WITHIN, interval=1
    )
    return found


def test_no_fit_warns_in_the_words_of_the_condition(kube: Kube, namespace: str) -> None:
    warned = kube.warnings(_too_big("big", namespace))
    assert warned[0].startswith("NoFit: ")
    assert re.search(r"\d", " ".join(warned)), "a number"
    assert all(len(line) <= 256 for line in warned)
    condition = kube.wait_condition("big", namespace, "Planned", "False", reason="NoFit", timeout=60)
    assert warned[0].removeprefix("NoFit: ").removesuffix("...") in condition["message"]


@pytest.fixture
def h100(kube: Kube) -> Iterator[None]:
    """Two fake nodes of eight H100."""
    nodes = pools.nvidia_h100(2)
    pools.apply(kube.command, nodes)
    yield
    pools.remove(kube.command, nodes)


@pytest.mark.usefixtures("h100")
def test_devices_are_counted_and_the_nearest_that_fits_is_named(kube: Kube, namespace: str) -> None:
    wanted = {"model": {"name": "Qwen3-32B", "contextLength": 32768}, "hardware": {"accelerators": ["H100-SXM"]}}
    load = {"workload": {"concurrency": 1}}
    poll(
        "the new nodes are seen",
        lambda: kube.warnings(deployment("one", namespace, **wanted, **load), server_dry_run=True) == [],
        timeout=30,
    )
    warned = kube.warnings(deployment("many", namespace, replicas=30, **wanted, **load))
    assert warned[0].startswith("NoFit: Qwen3-32B ")
    assert "16" in " ".join(warned), "of 16 devices"
    assert "earest that would fit: " in warned[-1]
    condition = kube.wait_condition("many", namespace, "Planned", "False", reason="NoFit", timeout=60)
    assert condition["message"].endswith(warned[-1].rpartition("earest that would fit: ")[2])


def test_a_mistake_is_named_with_what_would_be_right(kube: Kube, namespace: str) -> None:
    (warned,) = kube.warnings(_unknown("unknown", namespace))
    assert warned.startswith("UnknownModel: ")
    assert "Qwen3-32B" in warned


def test_what_fits_is_applied_without_a_word(kube: Kube, namespace: str) -> None:
    assert kube.warnings(deployment("fits", namespace, replicas=0)) == []
    kube.wait_condition("fits", namespace, "Planned", "True", timeout=60)


def test_an_update_is_judged_by_what_changes(kube: Kube, namespace: str) -> None:
    assert kube.warnings(deployment("chat", namespace, replicas=0)) == []
    too_big = _too_big("chat", namespace)
    assert kube.warnings(too_big)[0].startswith("NoFit: ")
    labelled = {**too_big, "metadata": {**too_big["metadata"], "labels": {"team": "a"}}}
    assert kube.warnings(labelled) == [], "the spec stays"
    assert kube.get("q3d", "chat", namespace)["metadata"]["labels"] == {"team": "a"}


def test_a_dry_run_answers_and_stores_nothing(kube: Kube, namespace: str) -> None:
    assert kube.warnings(_too_big("dry", namespace), server_dry_run=True)[0].startswith("NoFit: ")
    assert kube.find("q3d", "dry", namespace) is None


def test_answers_in_time(kube: Kube, namespace: str) -> None:
    """Mean over all answers since the operator started; an apply should not feel it."""
    for number in range(10):
        kube.warnings(_too_big(f"big-{number}", namespace), server_dry_run=True)
    metrics = kube.run("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/services/{OPERATOR}-metrics:http/proxy/metrics")
    name = "qwen3_operator_admission_seconds"
    total, count = (
        float(re.findall(rf'^{name}_{part}{{outcome="warned"}} (\S+)$', metrics, re.MULTILINE)[0])
        for part in ("sum", "count")
    )
    assert count >= 10
    assert total / count < 0.3


@pytest.fixture
def no_operator(kube: Kube) -> Iterator[None]:
    """No pod of the operator, for a while."""
    replicas = kube.get("deployment", OPERATOR, SYSTEM)["spec"]["replicas"]
    kube.run("scale", "deployment", OPERATOR, "-n", SYSTEM, "--replicas=0")
    poll("no operator", lambda: _operator_pods(kube) == {}, timeout=60)
    yield
    kube.run("scale", "deployment", OPERATOR, "-n", SYSTEM, f"--replicas={replicas}")
    kube.run("rollout", "status", "deployment", OPERATOR, "-n", SYSTEM, "--timeout=120s", timeout=130)


@pytest.mark.usefixtures("no_operator")
def test_without_an_operator_applies_go_through(kube: Kube, namespace: str) -> None:
    begun = time.monotonic()
    assert kube.warnings(_too_big("alone", namespace)) == []
    assert time.monotonic() - begun < 8, "the webhook's two seconds, and kubectl's own time"
    assert kube.get("q3d", "alone", namespace)["spec"]["model"]["name"] == "Qwen3-235B-A22B"


def test_a_deleted_secret_comes_back_without_a_restart(kube: Kube) -> None:
    pods, before = _operator_pods(kube), _certificate(kube)
    kube.run("delete", "secret", WEBHOOK, "-n", SYSTEM)
    made = poll("new certificates", lambda: _certificate(kube) not in {"", before}, timeout=BACK_WITHIN)
    assert made
    with kube.forward(f"service/{WEBHOOK}", SYSTEM, 443) as url:
        port = int(url.rpartition(":")[2])
        poll("new certificates served", lambda: _served(port) == _certificate(kube), timeout=BACK_WITHIN, interval=1)
    assert _wait_for_warnings(kube)[0].startswith("UnknownModel: ")
    assert _operator_pods(kube) == pods, "not restarted"


def test_a_removed_bundle_comes_back(kube: Kube) -> None:
    remove = '[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]'
    kube.run("patch", "validatingwebhookconfiguration", CONFIGURATION, "--type=json", "-p", remove)
    poll("a bundle", lambda: _bundle(kube), timeout=BACK_WITHIN)
    assert _wait_for_warnings(kube)


def _bundle(kube: Kube) -> str:
    (webhook,) = kube.get("validatingwebhookconfiguration", CONFIGURATION)["webhooks"]
    return str(webhook["clientConfig"].get("caBundle", ""))


def _certificate(kube: Kube) -> str:
    """PEM of the certificate in the Secret; empty where there is none."""
    data: dict[str, Any] = (kube.find("secret", WEBHOOK, SYSTEM) or {}).get("data", {})
    return base64.b64decode(data.get("tls.crt", "")).decode()


def _served(port: int) -> str:
    try:
        return ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
    except OSError:
        return ""


def _operator_pods(kube: Kube) -> dict[str, int]:
    """Restarts by the pods' uid."""
    pods = kube.list("pods", SYSTEM, f"app.kubernetes.io/name={OPERATOR}")
    return {
        pod["metadata"]["uid"]: sum(one["restartCount"] for one in pod["status"].get("containerStatuses", []))
        for pod in pods
    }
