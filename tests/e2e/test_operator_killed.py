"""The operator killed with -9 at random moments of a storm of changes ends in the same state."""

from __future__ import annotations

import random
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.kube import KubectlError, poll
from tests.objects import deployment

if TYPE_CHECKING:
    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

KILLS = 10
OBJECTS = 6
SYSTEM = "qwen3-system"


def test_same_end_state_after_ten_kills(kube: Kube, namespace: str) -> None:
    # Replicas are zero where an object ends, so that nothing but the operator is judged.
    randomness = random.Random(20261124)  # noqa: S311 - a repeatable order, not a secret
    for kill in range(KILLS):
        for index in range(OBJECTS):
            change = {"replicas": 0, "drainTimeoutSeconds": 10 * kill + index + 1}
            kube.apply(deployment(f"storm-{index}", namespace, **change))
        time.sleep(randomness.uniform(0, 2.5))
        _kill_operator(kube)
        if kill == KILLS // 2:
            kube.run("delete", "q3d", "storm-0", "-n", namespace, "--wait=false")
    kube.run("delete", "q3d", "storm-1", "-n", namespace, "--ignore-not-found")

    wanted = {f"storm-{i}": 10 * (KILLS - 1) + i + 1 for i in range(OBJECTS) if i != 1}
    poll("all reported", lambda: _observed(kube, namespace) == set(wanted), timeout=90)
    grace = poll("all children follow", lambda: _follows(kube, namespace, wanted), timeout=60)
    assert grace
    owners = {o["metadata"]["ownerReferences"][0]["name"] for o in kube.list("services", namespace)}
    assert owners == set(wanted)


def _kill_operator(kube: Kube) -> None:
    """SIGKILL from the node, then a fresh pod: the kubelet's back-off between restarts is not what is judged."""
    pods = [p for p in kube.list("pods", SYSTEM) if p["status"].get("phase") == "Running"]
    for pod in pods:
        find = ["docker", "exec", pod["spec"]["nodeName"], "pkill", "-KILL", "-f", "qwen3_operator"]
        subprocess.run(find, check=False, capture_output=True)
        try:
            kube.run("delete", "pod", pod["metadata"]["name"], "-n", SYSTEM, "--force", "--grace-period=0")
        except KubectlError:
            continue


def _observed(kube: Kube, namespace: str) -> set[str]:
    """Names whose status speaks of their current generation."""
    return {
        o["metadata"]["name"]
        for o in kube.list("q3d", namespace)
        if o.get("status", {}).get("observedGeneration") == o["metadata"]["generation"]
    }


def _follows(kube: Kube, namespace: str, wanted: dict[str, int]) -> bool:
    """One child each, with the grace period of the last change, none for what was deleted."""
    found: dict[str, list[Any]] = {}
    for child in kube.list("deployments", namespace):
        owner = child["metadata"]["ownerReferences"][0]["name"]
        found.setdefault(owner, []).append(child["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])
    return found.keys() == wanted.keys() and all(
        len(found[name]) == 1 and drain < found[name][0] < drain + 60 for name, drain in wanted.items()
    )
