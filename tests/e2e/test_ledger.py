"""The gateway as a StatefulSet with a ledger: what was used is known after its pod was killed.

The shared release has none; this is a second gateway.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.config import MANAGEMENT_PORT
from qwen3_runtime.tenancy import LimitName, Quota, Tenant
from tests.e2e import second_gateway
from tests.e2e.second_gateway import MODEL
from tests.e2e.tenants import as_tenant, new_key
from tests.gateway.processes import digest_of
from tests.kube import poll
from tests.objects import MODELS_ON_NODE, weights_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube, Object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

RELEASE = "ledger-e2e"
NAME = second_gateway.name_of(RELEASE)
POD, CLAIM = f"{NAME}-0", f"ledger-{NAME}-0"
TENANT = "ledger"


@dataclass(frozen=True)
class House:
    """The gateway of this test, and the keys to it."""

    namespace: str
    key: str
    token: str


@pytest.fixture
def house(kube: Kube, platform: dict[str, str], served: str) -> Iterator[House]:
    """A gateway with a ledger in the namespace of the served model, whose engine lets in its own namespace."""
    made = House(served, new_key(), new_key())
    folder = Path(platform["modelsOnHost"]) / RELEASE
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        kube.apply(_volume(served, folder.name), *_objects(kube, platform, made))
        kube.run("rollout", "status", f"statefulset/{NAME}", "-n", served, "--timeout=120s", timeout=130)
        yield made
    finally:
        second_gateway.remove(kube, second_gateway.Where(RELEASE, served))
        kube.run("delete", "pod", POD, "-n", served, "--ignore-not-found", "--grace-period=1")
        kube.run("delete", "pvc", CLAIM, "-n", served, "--ignore-not-found", "--timeout=60s", timeout=70)
        kube.run("delete", "pv", RELEASE, "--ignore-not-found", "--timeout=60s", timeout=70)
        shutil.rmtree(folder, ignore_errors=True)


def _volume(namespace: str, folder: str) -> Object:
    """For the claim that the StatefulSet makes; the test cluster has nobody who makes volumes."""
    volume = weights_volume(RELEASE, folder)
    volume["spec"] |= {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": RELEASE,
        "claimRef": {"namespace": namespace, "name": CLAIM},
        "local": {"path": f"{MODELS_ON_NODE}/{folder}"},
    }
    return volume


def _objects(kube: Kube, platform: dict[str, str], house: House) -> list[Object]:
    ledger = {"enabled": True, "storageClassName": RELEASE}
    quota = Quota(tokens_per_day=10**6)
    tenant = Tenant(name=TENANT, key_digests=(digest_of(house.key),), models=(MODEL,), quota=quota)
    where = second_gateway.Where(RELEASE, house.namespace)
    values = {"ledger": ledger}
    return second_gateway.objects(kube, platform, where, values=values, tenant=tenant, token=house.token)


def test_usage_survives_a_killed_pod(kube: Kube, house: House) -> None:
    used = _chat(kube, house)
    before = _rows(kube, house)
    assert [(row["tenant"], row["model"], row["requests"]) for row in before] == [(TENANT, MODEL, 1)]
    assert before[0]["prompt"] + before[0]["thinking"] + before[0]["answer"] == used
    old = kube.get("pod", POD, house.namespace)["metadata"]["uid"]
    # It would close its ledger in the seconds after SIGTERM; with one second it is killed.
    kube.run("delete", "pod", POD, "-n", house.namespace, "--grace-period=1")
    poll("another pod is ready", lambda: _is_replaced(kube, house.namespace, old), timeout=120)
    assert _rows(kube, house) == before
    assert _used_today(kube, house) == used, "the quota goes on where it was"
    used += _chat(kube, house)
    assert sum(row["prompt"] + row["thinking"] + row["answer"] for row in _rows(kube, house)) == used


def _chat(kube: Kube, house: House) -> int:
    """Tokens of one chat, by the engine's count."""
    hello: list[Any] = [{"role": "user", "content": "Hello"}]
    with kube.forward(f"service/{NAME}", house.namespace, 80) as url, as_tenant(url, house.key) as client:
        answer = client.chat.completions.create(model=MODEL, messages=hello, max_tokens=8, temperature=0)
    assert answer.usage is not None
    return answer.usage.total_tokens


def _is_replaced(kube: Kube, namespace: str, old: str) -> bool:
    pod = kube.find("pod", POD, namespace)
    if pod is None or pod["metadata"]["uid"] == old:
        return False
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _rows(kube: Kube, house: House) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _read(kube, house, "/ledger")
    return rows


def _used_today(kube: Kube, house: House) -> int:
    (tenant,) = _read(kube, house, "/usage")["tenants"]
    return next(int(one["used"]) for one in tenant["limits"] if one["name"] == LimitName.TOKENS_PER_DAY)


def _read(kube: Kube, house: House, path: str) -> Any:
    headers = {"authorization": f"Bearer {house.token}"}
    with kube.forward(f"pod/{POD}", house.namespace, MANAGEMENT_PORT) as url:
        request = urllib.request.Request(url + path, headers=headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the same
            return json.loads(answer.read())
