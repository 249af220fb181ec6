"""What tenants may deploy themselves: one ResourceQuota each, and no other is touched."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import ApiError, Listing
from qwen3_operator.reconcile.intake import Intake
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.report import stored
from qwen3_operator.tenancy.quotas import DeviceQuotas, Held
from qwen3_operator.tenancy.report import tenant_status
from tests.unit.inventory.objects import quota
from tests.unit.tenancy.given import NOW, compiled, tenant

if TYPE_CHECKING:
    from qwen3_operator.reconcile.kinds import Resource

Object = dict[str, Any]
SYSTEM, GPU, NPU = "qwen3-system", "nvidia.com/gpu", "huawei.com/Ascend910"
NAME = "qwen3-tenant-acme"


class Cluster:
    """Quotas as the API server keeps them, and a cache that hears of them at once."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.writes: list[str] = []
        self.unseen: list[Object] = []
        """There, and not in the cache yet."""
        self.refuses: ApiError | None = None
        self.refused_in = ""
        """Namespace; empty: in all."""
        self.quotas = DeviceQuotas(self, self.cache, SYSTEM)  # type: ignore[arg-type]
        self._version = 1

    def put(self, found: Object) -> Object:
        self._version += 1
        found["metadata"] |= {"resourceVersion": str(self._version), "uid": f"{found['metadata']['namespace']}"}
        self.cache.put(Kind.RESOURCE_QUOTA, found)
        return found

    async def find_named(self, _: Resource, namespace: str, name: str) -> Listing:
        return Listing([one for one in self.unseen if _place(one) == (namespace, name)], "1")

    async def apply_at(self, path: str, manifest: Object) -> Object:
        self.writes.append(f"apply {path}")
        if self.refuses and self.refused_in in {"", manifest["metadata"]["namespace"]}:
            raise self.refuses
        answer = copy.deepcopy(manifest)
        del answer["apiVersion"], answer["kind"]
        live = self.live.get(_place(manifest), {})
        answer["spec"]["hard"] |= {key: value for key, value in _hard(live).items() if "/" not in key}
        answer["status"] = live.get("status", {})
        return self.put(answer)

    async def delete(self, found: Object) -> None:
        self.writes.append(f"delete {found['metadata']['namespace']}/{found['metadata']['name']}")
        self.cache.remove(Kind.RESOURCE_QUOTA, found)

    @property
    def live(self) -> dict[tuple[str, str], Object]:
        return {_place(one): one for one in self.cache.all(Kind.RESOURCE_QUOTA)}

    async def keep(self, *tenants: Object) -> dict[str, Held]:
        self.writes.clear()
        return dict(await self.quotas.keep(tenants))


def _place(found: Object) -> tuple[str, str]:
    return found["metadata"]["namespace"], found["metadata"]["name"]


def _hard(found: Object) -> dict[str, str]:
    return dict(found.get("spec", {}).get("hard", {}))


def limited(name: str = "acme", namespace: str = "acme", created: str = "2026-11-24T12:00:00Z", **most: int) -> Object:
    named = {GPU if word == "gpu" else NPU if word == "npu" else word: count for word, count in most.items()}
    return tenant(name, created=created, devices={"namespace": namespace, "max": named})


def _told(held: Held) -> tuple[str, str]:
    return str(held.verdict.status), held.verdict.reason


async def test_a_quota_is_made_changed_and_removed_with_the_field_or_the_tenant() -> None:
    cluster = Cluster()
    held = await cluster.keep(limited(gpu=8), tenant("other"))
    assert {name: _told(one) for name, one in held.items()} == {"acme": ("True", "Limited")}
    assert held["acme"].verdict.message == f"ResourceQuota {NAME} of namespace acme allows 8 {GPU}"
    assert cluster.writes == [f"apply /api/v1/namespaces/acme/resourcequotas/{NAME}"]
    made = cluster.live["acme", NAME]
    assert made["spec"] == {"hard": {f"requests.{GPU}": "8"}}
    assert made["metadata"]["labels"] == {
        "serving.qwen3.io/tenant": "acme",
        "serving.qwen3.io/operator-namespace": SYSTEM,
    }
    await cluster.keep(limited(gpu=8))
    assert cluster.writes == [], "nothing changed"
    await cluster.keep(limited(gpu=4, npu=16))
    assert _hard(cluster.live["acme", NAME]) == {f"requests.{GPU}": "4", f"requests.{NPU}": "16"}
    await cluster.keep(limited(namespace="elsewhere", gpu=4))
    assert cluster.live.keys() == {("elsewhere", NAME)}
    await cluster.keep(tenant())
    assert cluster.live == {}
    await cluster.keep(limited(gpu=1))
    await cluster.keep()
    assert cluster.live == {}, "the tenant is gone"


async def test_what_is_used_is_in_the_status() -> None:
    cluster = Cluster()
    await cluster.keep(limited(gpu=8))
    made = copy.deepcopy(cluster.live["acme", NAME])
    made["status"] = {"hard": made["spec"]["hard"], "used": {f"requests.{GPU}": "3"}}
    cluster.put(made)
    held = (await cluster.keep(limited(gpu=8)))["acme"]
    status = stored(tenant_status(limited(gpu=8), compiled().grants["acme"], None, NOW, held))
    assert status["devices"] == [{"resource": GPU, "used": 3, "max": 8}]
    conditions = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert conditions["DevicesLimited"] == ("True", "Limited")
    assert conditions["Ready"][0] == "True"
    without = stored(tenant_status(tenant(), compiled().grants["acme"], None, NOW))
    assert "DevicesLimited" not in {one["type"] for one in without["conditions"]}


async def test_two_tenants_of_one_namespace_leave_it_to_the_older_one() -> None:
    cluster = Cluster()
    old, young = limited("zeta", "shared", gpu=2), limited("acme", "shared", "2026-11-25T12:00:00Z", gpu=9)
    await cluster.keep(young)
    held = await cluster.keep(young, old)
    assert (_told(held["zeta"]), _told(held["acme"])) == (("True", "Limited"), ("False", "NamespaceTaken"))
    assert "spec.devices.namespace 'shared' is that of tenant zeta" in held["acme"].verdict.message
    assert cluster.live.keys() == {("shared", "qwen3-tenant-zeta")}
    assert _told((await cluster.keep(young))["acme"]) == ("True", "Limited"), "it is free again"


@pytest.mark.parametrize("seen", [True, False])
async def test_a_quota_of_somebody_else_is_not_touched(*, seen: bool) -> None:
    cluster = Cluster()
    foreign = quota({f"requests.{GPU}": "1"}, name=NAME, namespace="acme")
    other = quota({f"requests.{GPU}": "1"}, name="qwen3-tenant-b", namespace="b")
    other["metadata"]["labels"] = {"serving.qwen3.io/tenant": "b", "serving.qwen3.io/operator-namespace": "elsewhere"}
    cluster.put(other)
    if seen:
        cluster.put(foreign)
    else:
        cluster.unseen.append(foreign)
    held = await cluster.keep(limited(gpu=8))
    assert _told(held["acme"]) == ("False", "QuotaNotOurs")
    assert f"ResourceQuota {NAME} of namespace acme exists" in held["acme"].verdict.message
    await cluster.keep()
    assert cluster.writes == []


async def test_what_others_set_beside_ours_stays_and_what_they_change_of_ours_does_not() -> None:
    cluster = Cluster()
    await cluster.keep(limited(gpu=8))
    changed = copy.deepcopy(cluster.live["acme", NAME])
    changed["spec"]["hard"] |= {"pods": "5", f"requests.{GPU}": "80"}
    cluster.put(changed)
    held = await cluster.keep(limited(gpu=8))
    assert _hard(cluster.live["acme", NAME]) == {f"requests.{GPU}": "8", "pods": "5"}
    assert [one.resource for one in held["acme"].usage] == [GPU]
    await cluster.keep(limited(gpu=8))
    assert cluster.writes == [], "an apply would change nothing"


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (ApiError(404, 'namespaces "acme" not found'), "NamespaceNotFound"),
        (ApiError(403, "may not"), "QuotaRefused"),
        (ApiError(422, "no standard resource for quota"), "QuotaRefused"),
    ],
)
async def test_a_refusal_is_told_and_asked_for_again_in_doubt(refusal: ApiError, reason: str) -> None:
    cluster = Cluster()
    cluster.refuses = refusal
    for writes in (1, 0):
        held = await cluster.keep(limited(gpu=8))
        assert _told(held["acme"]) == ("False", reason)
        assert refusal.message in held["acme"].verdict.message
        assert len(cluster.writes) == writes
    await cluster.keep(limited(gpu=4))
    assert len(cluster.writes) == 1, "something else is asked for"
    cluster.refuses = None
    cluster.quotas.doubt()
    assert _told((await cluster.keep(limited(gpu=4)))["acme"]) == ("True", "Limited")


async def test_a_server_that_is_not_reached_is_no_answer() -> None:
    cluster = Cluster()
    cluster.refuses = ApiError(0, "not reached")
    with pytest.raises(ApiError):
        await cluster.keep(limited(gpu=8))


async def test_a_failure_in_one_namespace_is_told_and_holds_up_no_other() -> None:
    cluster = Cluster()
    cluster.refuses, cluster.refused_in = ApiError(500, "failed calling webhook"), "acme"
    other = tenant("other", devices={"namespace": "other", "max": {GPU: 4}})
    for writes in (2, 1):
        held = await cluster.keep(limited(gpu=8), other)
        assert (_told(held["acme"]), _told(held["other"])) == (("False", "QuotaRefused"), ("True", "Limited"))
        assert "failed calling webhook" in held["acme"].verdict.message
        assert len(cluster.writes) == writes, "it is asked for again each time"
    cluster.refuses = None
    assert _told((await cluster.keep(limited(gpu=8), other))["acme"]) == ("True", "Limited")


async def test_what_cannot_be_read_is_told_and_left_as_it_is() -> None:
    cluster = Cluster()
    await cluster.keep(limited(gpu=8))
    held = await cluster.keep(tenant(devices={"namespace": "acme", "max": {GPU: "many"}}))
    assert _told(held["acme"]) == ("False", "InvalidSpec")
    assert cluster.live.keys() == {("acme", NAME)}
    wrong = await cluster.keep(limited(gpus=8))
    assert _told(wrong["acme"]) == ("False", "UnknownDevice")
    assert "spec.devices.max 'gpus' is no device" in wrong["acme"].verdict.message
    assert cluster.live.keys() == {("acme", NAME)}


async def test_the_old_namespace_stays_limited_until_the_new_one_is() -> None:
    cluster = Cluster()
    await cluster.keep(limited(gpu=8))
    cluster.refuses = ApiError(404, 'namespaces "elsewhere" not found')
    moved = limited(namespace="elsewhere", gpu=8)
    assert _told((await cluster.keep(moved))["acme"]) == ("False", "NamespaceNotFound")
    assert cluster.live.keys() == {("acme", NAME)}
    cluster.refuses = None
    cluster.quotas.doubt()
    await cluster.keep(moved)
    assert cluster.live.keys() == {("elsewhere", NAME)}


def test_news_of_a_tenants_quota_is_news_for_the_tenants() -> None:
    told: list[None] = []
    intake = Intake(Cache(), lambda *_: None, tuple, lambda: None, routes_changed=lambda: told.append(None))
    intake.upsert(Kind.RESOURCE_QUOTA, quota({"pods": "1"}))
    assert not told
    ours = quota({"pods": "1"}, name="ours")
    ours["metadata"]["labels"] = {"serving.qwen3.io/tenant": "acme"}
    intake.upsert(Kind.RESOURCE_QUOTA, ours)
    intake.remove(Kind.RESOURCE_QUOTA, ours)
    assert len(told) == 2
