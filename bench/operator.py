"""What the operator costs: spec change to patched child at 20 changes/s over 50 objects, and writes with nothing to do.

Changes are made twice: to objects without replicas, where the operator and the API server are all that works, and to
objects of one replica, where each change also makes the cluster replace a pod, on the same cores.

Targets: p99 below 1 s; no write in 5 minutes. The operator runs as a local process against the cluster of
``QWEN3_TEST_KUBECONFIG``; one that runs in the cluster is scaled to zero meanwhile. Pods land on KWOK's H100 servers,
so scheduler and controllers do their part and no engine is needed.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench import local_operator
from qwen3_operator.process import connect
from qwen3_operator.reconcile.kinds import Kind
from tests.kind import tools
from tests.kube import Kube, poll
from tests.objects import deployment

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

NAMESPACE = "bench-operator"
OBJECTS = 50
RATE = 20
"""Changes per second."""
CHANGES = 600
"""Half a minute."""
IDLE_SECONDS = float(os.environ.get("BENCH_IDLE_SECONDS", "300"))
P99_TARGET_SECONDS = 1.0


def main() -> int:
    """Print latencies of changes and the number of writes while idle."""
    kubeconfig = Path(os.environ["QWEN3_TEST_KUBECONFIG"])
    os.environ["KUBECONFIG"] = str(kubeconfig)
    kube = Kube(kubeconfig, tools.path("kubectl"))
    with local_operator.stage(kube, NAMESPACE, OBJECTS // 8 + 2), local_operator.operator(NAMESPACE):
        _create(kube)
        _scale_objects(kube, 0)
        print("objects without replicas:")
        _print_latencies(*asyncio.run(_change(kubeconfig, first=0)))
        _scale_objects(kube, 1)
        print("objects of one replica, whose pods roll with each change:")
        _print_latencies(*asyncio.run(_change(kubeconfig, first=CHANGES)))
        _settle(kube, "1/1")
        _idle(kube)
    return 0


def _create(kube: Kube) -> None:
    model = {"name": "Qwen3-0.6B", "contextLength": None}
    hardware = {"accelerators": ["H100-SXM"]}
    started = time.monotonic()
    kube.apply(*(deployment(f"o-{i}", NAMESPACE, model=model, hardware=hardware) for i in range(OBJECTS)))
    _settle(kube, "1/1")
    print(f"{OBJECTS} objects applied, planned and Ready on KWOK nodes: {time.monotonic() - started:.1f} s")


def _scale_objects(kube: Kube, replicas: int) -> None:
    kube.run("scale", "q3d", "--all", "-n", NAMESPACE, f"--replicas={replicas}")
    _settle(kube, f"{replicas}/{replicas}")


def _settle(kube: Kube, ready: str) -> None:
    """Until every object is as ready as that and nothing was written for ten seconds."""

    def all_ready() -> bool:
        found = kube.list("q3d", NAMESPACE)
        return [item.get("status", {}).get("ready") for item in found] == [ready] * OBJECTS

    poll("all objects Ready", all_ready, timeout=300, interval=2)
    before = -1.0
    while before != (before := local_operator.writes()):
        time.sleep(10)


async def _change(kubeconfig: Path, *, first: int) -> tuple[list[float], list[float]]:
    """Seconds from sending each change to the event of the patched child, and to the API server's answer.

    Changes are numbered from ``first`` on.
    """
    seen: dict[int, float] = {}
    sent: dict[int, float] = {}
    async with await connect(str(kubeconfig)) as api:
        watching = asyncio.create_task(_watch(api, seen, first))
        await asyncio.sleep(1)
        began = time.perf_counter()
        patches = []
        for number in range(first, first + CHANGES):
            await asyncio.sleep(max(0.0, began + (number - first) / RATE - time.perf_counter()))
            sent[number] = time.perf_counter()
            patches.append(asyncio.create_task(_patch(api, number)))
        took = time.perf_counter() - began
        requests = await asyncio.gather(*patches)
        print(f"{CHANGES} changes sent in {took:.1f} s ({CHANGES / took:.1f}/s) over {OBJECTS} objects")
        with suppress(TimeoutError):
            await asyncio.wait_for(watching, 30)
    return [seen[number] - sent[number] for number in sent if number in seen], requests


async def _patch(api: ApiClient, number: int) -> float:
    """The drain time is the change's number: it reaches the child's pod template. Returns the request's seconds."""
    began = time.perf_counter()
    path = Kind.QWEN3DEPLOYMENT.value.path(NAMESPACE, f"o-{number % OBJECTS}")
    request = await api.param_serialize(
        "PATCH",
        path,
        header_params={"Content-Type": "application/merge-patch+json", "Accept": "application/json"},
        body={"spec": {"drainTimeoutSeconds": number}},
        auth_settings=["BearerToken"],
    )
    response = await api.call_api(*request)
    await response.read()  # type: ignore[no-untyped-call]
    return time.perf_counter() - began


async def _watch(api: ApiClient, seen: dict[int, float], first: int) -> None:
    """Note when each change shows up in a child; ends when all have."""
    async for line in local_operator.deployment_events(api, NAMESPACE, seconds=600):
        found = re.search(rb'\\"drainSeconds\\":(\d+)', line)
        if found and int(found[1]) >= first:
            seen.setdefault(int(found[1]), time.perf_counter())
        if len(seen) == CHANGES:
            return


def _print_latencies(latencies: list[float], requests: list[float]) -> None:
    percentiles, plain = statistics.quantiles(latencies, n=100), statistics.quantiles(requests, n=100)
    print(
        f"the API server answers one change in p50 {plain[49] * 1000:.0f} ms, p99 {plain[98] * 1000:.0f} ms "
        f"at a load average of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    print(
        f"spec change to child patched: p50 {percentiles[49] * 1000:.0f} ms, p99 {percentiles[98] * 1000:.0f} ms, "
        f"max {max(latencies) * 1000:.0f} ms, {CHANGES - len(latencies)} overtaken by the object's next change; "
        f"target p99 {P99_TARGET_SECONDS:g} s, ratio {percentiles[98] / P99_TARGET_SECONDS:.2f}"
    )
    print(f"operator so far: {local_operator.cost()}")


def _idle(kube: Kube) -> None:
    """Both witnesses: the operator's own count, and versions of everything that it could write."""
    before, versions = local_operator.writes(), _versions(kube)
    time.sleep(IDLE_SECONDS)
    changed = sum(_versions(kube).get(uid) != version for uid, version in versions.items())
    print(
        f"nothing to do for {IDLE_SECONDS:g} s with {OBJECTS} objects: {local_operator.writes() - before:g} writes by "
        f"its own count, {changed} of {len(versions)} objects with a new version; target 0"
    )


def _versions(kube: Kube) -> dict[str, str]:
    kinds = "q3d,service,networkpolicy,deploy"
    return {found["metadata"]["uid"]: found["metadata"]["resourceVersion"] for found in kube.list(kinds, NAMESPACE)}


if __name__ == "__main__":
    sys.exit(main())
