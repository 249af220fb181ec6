"""An engine that dies under load: clients are told, the pod fails with its last words and is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.load import start_load
from tests.kube import poll
from tests.objects import deployment

if TYPE_CHECKING:
    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

LONG: dict[str, Any] = {
    "model": "Qwen3-Tiny",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 2000,
    "ignore_eos": True,
}
KILL_SCHEDULER = r"""
import os, pathlib, signal
for name in pathlib.Path("/proc").glob("[0-9]*/comm"):
    if name.read_text().startswith("sglang::schedul"):
        os.kill(int(name.parent.name), signal.SIGKILL)
        print("killed")
"""


@pytest.mark.parametrize("stream", [True, False])
def test_engine_dies_under_load(kube: Kube, namespace: str, operator_image: str, *, stream: bool) -> None:
    kube.apply(deployment("dies", namespace))
    kube.wait_condition("dies", namespace, "Ready", "True")
    pod = kube.list("pods", namespace, "serving.qwen3.io/deployment=dies")[0]["metadata"]["name"]
    url = kube.get("q3d", "dies", namespace)["status"]["url"]
    load = start_load(kube, namespace, operator_image, url, seconds=8, concurrency=4, stream=stream, body=LONG)
    poll("requests run", lambda: _running(kube, namespace, pod) >= 4, timeout=30)

    killed = kube.run("exec", pod, "-n", namespace, "--", "/opt/engine/bin/python", "-c", KILL_SCHEDULER)
    assert "killed" in killed

    condition = kube.wait_condition("dies", namespace, "Ready", "False", timeout=30)
    assert condition["reason"] in {"EngineDied", "CrashLoop"}
    failures = load.result(timeout=120)["failures"]
    assert failures, "requests were in flight"
    told = [f for f in failures if ("engine_failed" in f if stream else f.startswith("502"))]
    assert len(told) >= 4, failures
    kube.wait_condition("dies", namespace, "Ready", "True")


def _running(kube: Kube, namespace: str, pod: str) -> int:
    """Requests in flight by the runtime's own count."""
    text = kube.run("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:8081/proxy/metrics")
    lines = [line for line in text.splitlines() if line.startswith("qwen3_runtime_requests_in_flight")]
    return int(sum(float(line.split()[-1]) for line in lines))
