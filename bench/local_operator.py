"""The operator of this checkout as a local process beside the test cluster, on KWOK's servers, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen3_operator.reconcile.kinds import Kind
from tests.kind import pools
from tests.kube import poll
from tests.objects import weights_claim, weights_volume

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from kubernetes.aio.client import ApiClient

    from tests.kube import Kube

PORT = 18_088
METRICS = f"http://127.0.0.1:{PORT}"
ROOT = Path(__file__).parents[1]


@contextmanager
def stage(kube: Kube, namespace: str, servers: int) -> Iterator[None]:
    """A namespace with a claim, so many fake servers of eight H100, and no other operator."""
    nodes = pools.nvidia_h100(servers, prefix="bench-h100")
    others = [found for found in kube.list("deploy") if found["metadata"]["name"] == "qwen3-operator"]
    for other in others:
        _scale(kube, other, 0)
    volume = weights_volume(namespace, "")
    del volume["spec"]["nodeAffinity"]
    volume["spec"] |= {"hostPath": volume["spec"].pop("local")}
    try:
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        pools.apply(kube.command, nodes)
        kube.apply(volume, weights_claim(namespace))
        yield
    finally:
        kube.run("delete", "q3d", "--all", "-n", namespace, timeout=180)
        kube.run("delete", "pod", "--all", "-n", namespace, "--force", "--grace-period=0", timeout=180)
        kube.run("delete", "namespace", namespace, timeout=180)
        kube.run("delete", "pv", namespace)
        pools.remove(kube.command, nodes)
        for other in others:
            _scale(kube, other, other["spec"]["replicas"])


def _scale(kube: Kube, found: dict[str, Any], replicas: int) -> None:
    metadata = found["metadata"]
    kube.run("scale", f"deploy/{metadata['name']}", "-n", metadata["namespace"], f"--replicas={replicas}")


@contextmanager
def operator(namespace: str, **settings: str) -> Iterator[None]:
    """The process, for one namespace only; ``settings`` are environment variables."""
    environment = os.environ | {
        "POD_NAMESPACE": namespace,
        "POD_NAME": "bench",
        "QWEN3_NAMESPACES": namespace,
        "QWEN3_IMAGE_CUDA": "bench.invalid/runtime:0",
        "QWEN3_HTTP_PORT": str(PORT),
        "QWEN3_LOG_LEVEL": "WARNING",
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("operator", "runtime")),
        **settings,
    }
    process = subprocess.Popen([sys.executable, "-m", "qwen3_operator"], env=environment)
    try:
        poll("operator ready", lambda: _get("/readyz") is not None, timeout=60)
        yield
    finally:
        process.terminate()
        process.wait(30)


async def deployment_events(api: ApiClient, namespace: str, seconds: float) -> AsyncIterator[bytes]:
    """Events of the namespace's Deployments, one JSON line each, for so long."""
    request = await api.param_serialize(
        "GET",
        Kind.DEPLOYMENT.value.path(namespace),
        query_params=[("watch", "true")],
        header_params={"Accept": "application/json"},
        auth_settings=["BearerToken"],
    )
    answer = await api.call_api(*request, _request_timeout=seconds)
    async for line in answer.response.content:
        yield line


def _get(path: str) -> str | None:
    try:
        with urllib.request.urlopen(METRICS + path, timeout=5) as answer:  # noqa: S310 - loopback
            text: str = answer.read().decode()
            return text
    except urllib.error.URLError:
        return None


def metric(name: str) -> float:
    """Sum of all series of a metric."""
    lines = (_get("/metrics") or "").splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))


def writes() -> float:
    """Writing requests so far, by the operator's own count."""
    return metric("qwen3_operator_writes_total")


def cost() -> str:
    """What it took since it began, in words."""
    seconds, resident = metric("process_cpu_seconds_total"), metric("process_resident_memory_bytes")
    return f"{seconds:.1f} s of CPU, {resident / 2**20:.0f} MiB resident"
