"""Many deployments that scale in the same moment: a schedule begins for 200 at once, on KWOK's H100 servers.

Every deployment goes from one replica to three by a decision of its own, as `spec.scaling` makes it. Printed: from the
schedule's begin to the patched child, to all pods placed and ready, and what it took of the operator.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import statistics
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import local_operator
from qwen3_operator.process import connect
from tests.kind import tools
from tests.kube import Kube, poll
from tests.objects import deployment

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

NAMESPACE = "bench-fleet"
DEPLOYMENTS, BEFORE, AFTER = 200, 1, 3
CAPACITY = {"inputTokensPerSecond": 10_000, "outputTokensPerSecond": 2_000}
LEAD_SECONDS = 45.0
"""At least so long before the schedule begins it is set, so that everything has settled."""
LONGEST_SECONDS = 240.0
_AT_ONCE = 50
"""Objects of one kubectl."""
SYSTEM, PROMETHEUS = "qwen3-system", "qwen3-prometheus"


def main() -> int:
    """Print times from the schedule's begin."""
    kubeconfig = Path(os.environ["QWEN3_TEST_KUBECONFIG"])
    os.environ["KUBECONFIG"] = str(kubeconfig)
    kube = Kube(kubeconfig, tools.path("kubectl"))
    servers = math.ceil(DEPLOYMENTS * AFTER / 8) + 2
    with (
        local_operator.stage(kube, NAMESPACE, servers),
        kube.forward(f"service/{PROMETHEUS}", SYSTEM, 9090) as url,
        local_operator.operator(NAMESPACE, QWEN3_PROMETHEUS_URL=url),
    ):
        _create(kube)
        begins = _begin(kube)
        print(f"the schedule begins at {datetime.fromtimestamp(begins, UTC):%H:%M:%S}; so far {local_operator.cost()}")
        before = local_operator.writes()
        patched = sorted(asyncio.run(_patched(kubeconfig, begins)))
        _until_ready(kube, AFTER)
        ready = time.time() - begins
        _print(patched, ready)
        print(f"operator so far: {local_operator.cost()}, {local_operator.writes() - before:.0f} writes since")
    return 0


def _create(kube: Kube) -> None:
    model, hardware = {"name": "Qwen3-0.6B", "contextLength": None}, {"accelerators": ["H100-SXM"]}
    scaling = {"mode": "Auto", "minReplicas": BEFORE, "maxReplicas": AFTER, "replicaCapacity": CAPACITY}
    began = time.monotonic()
    names = [f"d-{number}" for number in range(DEPLOYMENTS)]
    for some in (names[first : first + _AT_ONCE] for first in range(0, DEPLOYMENTS, _AT_ONCE)):
        kube.apply(*(deployment(name, NAMESPACE, model=model, hardware=hardware, scaling=scaling) for name in some))
    _until_ready(kube, BEFORE)
    print(f"{DEPLOYMENTS} deployments applied, planned and Ready: {time.monotonic() - began:.1f} s", flush=True)


def _until_ready(kube: Kube, replicas: int) -> None:
    def all_ready() -> bool:
        found = kube.list("q3d", NAMESPACE)
        return [item.get("status", {}).get("ready") for item in found] == [f"{replicas}/{replicas}"] * DEPLOYMENTS

    poll(f"{replicas} replicas of each Ready", all_ready, timeout=600, interval=2)


def _begin(kube: Kube) -> float:
    """Give all the same schedule; the second at which it begins."""
    begins = math.ceil((time.time() + LEAD_SECONDS) / 60) * 60
    moment = datetime.fromtimestamp(begins, UTC)
    schedule = {"name": "rush", "start": f"{moment:%M} {moment:%H} * * *", "end": "59 23 31 12 *", "minReplicas": AFTER}
    patch = {"spec": {"scaling": {"schedules": [schedule]}}}
    names = [f"d-{number}" for number in range(DEPLOYMENTS)]
    kube.run("patch", "q3d", *names, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(patch), timeout=180)
    return begins


async def _patched(kubeconfig: Path, begins: float) -> list[float]:
    """Seconds from the schedule's begin until each child asks for all replicas."""
    seen: dict[str, float] = {}
    async with await connect(str(kubeconfig)) as api:
        with suppress(TimeoutError):
            await asyncio.wait_for(_watch(api, seen), begins - time.time() + LONGEST_SECONDS)
    return [moment - begins for moment in seen.values()]


async def _watch(api: ApiClient, seen: dict[str, float]) -> None:
    async for line in local_operator.deployment_events(api, NAMESPACE, seconds=LONGEST_SECONDS + 120):
        found: dict[str, Any] = json.loads(line)["object"]
        if found["spec"]["replicas"] == AFTER:
            seen.setdefault(found["metadata"]["name"], time.time())
        if len(seen) == DEPLOYMENTS:
            return


def _print(patched: list[float], ready: float) -> None:
    percentiles = statistics.quantiles(patched, n=100)
    print(
        f"schedule's begin to patched child: p50 {percentiles[49]:.1f} s, p99 {percentiles[98]:.1f} s, "
        f"{DEPLOYMENTS - len(patched)} not within {LONGEST_SECONDS:.0f} s; decisions come every 10 s"
    )
    pods = DEPLOYMENTS * (AFTER - BEFORE)
    print(
        f"all {pods} new pods placed and ready, as the status says: {ready:.1f} s, at a load average of "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    sys.exit(main())
