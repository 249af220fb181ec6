"""Two gateways with shared counters are rolled, and one loses its pod, while chats come: no new request fails."""

from __future__ import annotations

import json
import secrets
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import valkey

from qwen3_runtime.tenancy import Tenant, TenantLimits
from tests.e2e import second_gateway
from tests.e2e.load import start_load
from tests.e2e.second_gateway import MODEL, Where
from tests.e2e.tenants import new_key
from tests.gateway.processes import digest_of
from tests.gateway.valkey_server import ValkeyServer
from tests.kind import docker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

RELEASE, TENANT = "roll-e2e", "roll"
NAME = second_gateway.name_of(RELEASE)
CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 16}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ValkeyServer]:
    """Valkey on this machine, where the cluster's pods reach it too."""
    network = json.loads(subprocess.check_output(docker.docker("network", "inspect", "kind")))
    addresses = (config.get("Gateway", "") for config in network[0]["IPAM"]["Config"])
    address = next(address for address in addresses if "." in address)
    server = ValkeyServer(tmp_path, address=address, password=secrets.token_hex(16))
    yield server
    server.kill()


@pytest.fixture
def key(kube: Kube, platform: dict[str, str], served: str, store: ValkeyServer) -> Iterator[str]:
    """A tenant's key to two gateways."""
    made, where = new_key(), Where(RELEASE, served)
    shared = {"secretName": RELEASE, "key": "url"}
    values = {"replicas": 2, "store": shared, "networkPolicy": {"storePort": store.port}, "drainSeconds": 20}
    limits = TenantLimits(requests_per_minute=10**5)
    tenant = Tenant(name=TENANT, key_digests=(digest_of(made),), models=(MODEL,), limits=limits)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": RELEASE, "namespace": served, "labels": {"app.kubernetes.io/instance": RELEASE}},
        "stringData": {"url": store.url},
    }
    try:
        gateways = second_gateway.objects(kube, platform, where, values=values, tenant=tenant, token=new_key())
        kube.apply(secret, *gateways)
        _wait_rolled_out(kube, served)
        yield made
    finally:
        second_gateway.remove(kube, where)


def test_rolled_and_a_pod_deleted_under_load(
    kube: Kube, served: str, key: str, store: ValkeyServer, operator_image: str
) -> None:
    url, headers = f"http://{NAME}.{served}/v1", {"authorization": f"Bearer {key}"}
    load = start_load(kube, served, operator_image, url, seconds=300, body=CHAT, headers=headers, name="roll-load")
    kube.run("rollout", "restart", f"deployment/{NAME}", "-n", served)
    _wait_rolled_out(kube, served)
    pod, *_ = kube.list("pods", served, f"app.kubernetes.io/instance={RELEASE}")
    kube.run("delete", "pod", pod["metadata"]["name"], "-n", served, timeout=90)
    _wait_rolled_out(kube, served)
    load.stop()
    result = load.result(timeout=130)
    kube.run("delete", "pod", "roll-load", "-n", served)
    assert result["failures"] == []
    assert result["good"] > 10
    with valkey.Valkey.from_url(store.url) as counters:
        assert counters.dbsize(), "the limit was counted where both see it"


def _wait_rolled_out(kube: Kube, namespace: str) -> None:
    kube.run("rollout", "status", f"deployment/{NAME}", "-n", namespace, "--timeout=120s", timeout=130)
