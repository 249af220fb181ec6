"""Changes roll without a failed request; a delete leaves nothing; two tenants do not meet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import make_namespace, remove_namespace
from tests.e2e.conftest import openai_client
from tests.e2e.load import start_load
from tests.kube import KubectlError, poll
from tests.objects import deployment

if TYPE_CHECKING:
    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

CHAT: dict[str, Any] = {
    "model": "Qwen3-Tiny",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 64,
}
OURS = ("deployments", "replicasets", "pods", "services", "networkpolicies", "poddisruptionbudgets", "endpointslices")


def test_spec_change_rolls_with_no_failed_request(kube: Kube, namespace: str, operator_image: str) -> None:
    kube.apply(deployment("roll", namespace))
    kube.wait_condition("roll", namespace, "Ready", "True")
    before = {p["metadata"]["name"] for p in _pods(kube, namespace)}
    url = kube.get("q3d", "roll", namespace)["status"]["url"]
    load = start_load(kube, namespace, operator_image, url, seconds=300, body=CHAT)

    kube.patch("q3d", "roll", namespace, {"spec": {"thinking": {"default": "Disabled"}}})
    kube.wait_condition("roll", namespace, "Ready", "True", timeout=150)
    poll("old pods gone", lambda: not before & {p["metadata"]["name"] for p in _pods(kube, namespace)}, timeout=90)
    load.stop()

    result = load.result(timeout=130)
    assert result["failures"] == []
    assert result["good"] > 10
    with openai_client(kube, "roll", namespace) as client:
        message = client.chat.completions.create(**CHAT, temperature=0).choices[0].message
        assert not getattr(message, "reasoning_content", None), "the new default reached the engine"


@pytest.mark.timeout(600)
def test_drain_takes_one_pod_at_a_time_and_no_request_fails(kube: Kube, namespace: str, operator_image: str) -> None:
    """A drain is an eviction of every pod of a node, tried again until the API server lets it."""
    kube.apply(deployment("drained", namespace, replicas=2))
    kube.wait_condition("drained", namespace, "Ready", "True", timeout=240)
    poll("budget counted", lambda: _disruptions_allowed(kube, "drained", namespace) == 1, timeout=120)
    url = kube.get("q3d", "drained", namespace)["status"]["url"]
    load = start_load(kube, namespace, operator_image, url, seconds=380, body=CHAT)
    evicted = [pod["metadata"]["name"] for pod in _pods(kube, namespace)]
    assert len(evicted) == 2

    assert _evict(kube, evicted[0], namespace) == ""
    assert "disruption budget" in _evict(kube, evicted[1], namespace), "the other serves alone"
    poll("second may go", lambda: _evict(kube, evicted[1], namespace) == "", timeout=180, interval=2)
    poll("both gone", lambda: not {*evicted} & {p["metadata"]["name"] for p in _pods(kube, namespace)}, timeout=120)
    kube.wait_condition("drained", namespace, "Ready", "True", timeout=150)
    load.stop()

    result = load.result(timeout=130)
    assert result["failures"] == []
    assert result["good"] > 10


def test_delete_leaves_nothing(kube: Kube, namespace: str) -> None:
    # A pod that never served has nothing to drain: the grace period that this sets is longer than the test.
    kube.apply(deployment("gone", namespace, drainTimeoutSeconds=600))
    poll("pod bound", lambda: any(pod["spec"].get("nodeName") for pod in _pods(kube, namespace)), timeout=120)
    kube.run("delete", "q3d", "gone", "-n", namespace, "--wait=true", "--timeout=60s", timeout=70)

    def left() -> list[str]:
        return [f"{kind}/{o['metadata']['name']}" for kind in OURS for o in kube.list(kind, namespace)]

    poll("children gone", lambda: left() == [], timeout=120)


def test_two_namespaces_do_not_meet(kube: Kube, namespace: str, platform: dict[str, str], operator_image: str) -> None:
    other = f"{namespace[:50]}-b"
    make_namespace(kube, other, platform["modelFolder"])
    try:
        for where in (namespace, other):
            kube.apply(deployment("same-name", where))
        for where in (namespace, other):
            kube.wait_condition("same-name", where, "Ready", "True", timeout=240)
            with openai_client(kube, "same-name", where) as client:
                assert client.chat.completions.create(**CHAT).choices[0].message
        url = f"http://same-name.{namespace}.svc/v1"
        own = start_load(kube, namespace, operator_image, url, seconds=3, body=CHAT, concurrency=1)
        assert own.result(timeout=120)["good"] > 0
        foreign = start_load(kube, other, operator_image, url, seconds=3, body=CHAT, concurrency=1)
        assert foreign.result(timeout=240)["good"] == 0, "the NetworkPolicy admits only the own namespace"
    finally:
        remove_namespace(kube, other)


def test_scales_through_the_subresource(kube: Kube, namespace: str) -> None:
    kube.apply(deployment("wide", namespace))
    kube.wait_condition("wide", namespace, "Ready", "True")
    kube.run("scale", "q3d", "wide", "-n", namespace, "--replicas=0")
    kube.wait_condition("wide", namespace, "Ready", "False", reason="ScaledToZero")
    poll("no pods", lambda: _pods(kube, namespace) == [], timeout=120)
    kube.run("scale", "q3d", "wide", "-n", namespace, "--replicas=2")
    kube.wait_condition("wide", namespace, "Ready", "True", timeout=240)
    status = kube.get("q3d", "wide", namespace)["status"]
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    selected = kube.run("get", "pods", "-n", namespace, "-l", status["selector"], "-o", "name").split()
    assert len(selected) == 2


def _pods(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    return kube.list("pods", namespace, "app.kubernetes.io/managed-by=qwen3-operator")


def _disruptions_allowed(kube: Kube, name: str, namespace: str) -> int:
    allowed: int = kube.get("poddisruptionbudget", name, namespace).get("status", {}).get("disruptionsAllowed", 0)
    return allowed


def _evict(kube: Kube, pod: str, namespace: str) -> str:
    """Why the API server does not evict the pod now; empty when it does."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    try:
        kube.run("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    except KubectlError as refusal:
        return str(refusal)
    return ""
