"""What ResourceQuotas leave a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.inventory import Demand, Quotas, Reservation, inventory
from tests.unit.inventory.objects import gpu_node, pod, quota
from tests.unit.sizing.given import CATALOG

if TYPE_CHECKING:
    from tests.unit.inventory.objects import Object

GPU, REQUESTED = "nvidia.com/gpu", "requests.nvidia.com/gpu"
CHAT = ("team-a", "chat")
TWO = Demand(2, 1000, 10**9)


def _quotas(*quotas: Object, pods: tuple[Object, ...] = (), reserved: tuple[Reservation, ...] = ()) -> Quotas:
    return inventory([gpu_node("a")], pods, CATALOG, exclude=CHAT, reserved=reserved, quotas=quotas).quotas


def _left(found: Quotas) -> dict[tuple[str, str], tuple[int, int]]:
    return {(limit.quota, limit.resource): (limit.left, limit.hard) for limit in found.limits}


def _promise(uncreated: int, namespace: str = "team-a") -> Reservation:
    return Reservation("h100-80gb-hbm3", TWO, uncreated, namespace, GPU, uncreated)


def test_what_others_hold_is_taken_and_what_is_its_own_is_not() -> None:
    pods = (
        pod("a", {GPU: "2"}, owner="chat", namespace="team-a"),
        pod("", {GPU: "1"}, owner="chat", namespace="team-a", phase="Pending"),
        pod("a", {GPU: "2"}, owner="other", namespace="team-a"),
        pod("a", {GPU: "8"}, owner="chat", namespace="team-b"),
        pod("a", {GPU: "4"}, owner="chat", namespace="team-a", phase="Failed"),
    )
    found = _quotas(quota({REQUESTED: "8"}, {REQUESTED: "6"}), pods=pods)
    assert _left(found) == {("devices", GPU): (5, 8)}, "six are taken, three of them its own"


def test_promises_count_until_their_pods_are_counted_by_the_quota() -> None:
    asked, used = {REQUESTED: "8"}, {REQUESTED: "2"}
    waiting = pod("", {GPU: "2"}, owner="other", namespace="team-a", phase="Pending")
    assert _left(_quotas(quota(asked, used), pods=(waiting,), reserved=(_promise(0),)))["devices", GPU] == (6, 8)
    assert _left(_quotas(quota(asked, used), reserved=(_promise(2),)))["devices", GPU] == (2, 8)
    assert _left(_quotas(quota(asked, used), reserved=(_promise(2, "team-b"),)))["devices", GPU] == (6, 8)


def test_a_count_that_is_older_than_the_pods_does_not_count() -> None:
    pods = tuple(pod("a", {GPU: "2"}, owner=name, namespace="team-a") for name in ("other", "third"))
    assert _left(_quotas(quota({REQUESTED: "4"}, {REQUESTED: "0"}), pods=pods)) == {("devices", GPU): (0, 4)}
    new = quota({REQUESTED: "4"})
    del new["status"]
    assert _left(_quotas(new, pods=pods)) == {("devices", GPU): (0, 4)}, "before the quota has a status"


def test_admission_goes_by_the_status_and_by_every_quota() -> None:
    changed = quota({REQUESTED: "8"}, {REQUESTED: "0"})
    changed["spec"]["hard"] = {REQUESTED: "80"}
    found = _quotas(changed, quota({REQUESTED: "6"}, name="smaller"), quota({REQUESTED: "1"}, namespace="team-b"))
    assert _left(found) == {("devices", GPU): (8, 8), ("smaller", GPU): (6, 6)}
    tightest = found.tightest(GPU, TWO)
    assert tightest is not None
    assert tightest.needs(GPU, TWO, 4) == (
        "ResourceQuota smaller of namespace team-a leaves 6 of 6 nvidia.com/gpu; needs 8"
    )
    assert (found.cap(9, GPU, TWO), found.cap(2, GPU, TWO)) == (3, 2)
    assert found.cap(9, "huawei.com/Ascend910", TWO) == 9, "another resource"


def test_host_memory_and_cpu_count_under_both_names() -> None:
    hard = {"cpu": "4", "requests.memory": "10G", "limits.memory": "1G", "pods": "1", "requests.storage": "1G"}
    found = _quotas(quota(hard, {"cpu": "500m"}))
    assert _left(found) == {("devices", "cpu"): (3500, 4000), ("devices", "memory"): (10**10, 10**10)}
    assert found.cap(9, GPU, TWO) == 3
    limit = found.tightest(GPU, TWO)
    assert limit is not None
    assert limit.needs(GPU, TWO, 4) == "ResourceQuota devices of namespace team-a leaves 3.5 of 4 cpu; needs 4"


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        ({}, True),
        ({"scopes": ["NotTerminating", "NotBestEffort"]}, True),
        ({"scopes": ["Terminating"]}, False),
        ({"scopes": ["BestEffort"]}, False),
        ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}}, False),
    ],
)
def test_only_quotas_that_the_pods_are_in(scope: dict[str, Any], *, counts: bool) -> None:
    found = quota({REQUESTED: "1"})
    found["spec"] |= scope
    assert bool(_quotas(found).limits) is counts


def test_a_replica_over_several_nodes_takes_all_of_its_pods() -> None:
    found = _quotas(quota({REQUESTED: "20"}))
    assert found.cap(9, GPU, Demand(8, 0, 0, nodes=2)) == 1
    assert found.less(GPU, Demand(8, 0, 0, nodes=2), 1).cap(9, GPU, TWO) == 2


def test_more_taken_than_allowed_leaves_nothing() -> None:
    found = _quotas(quota({REQUESTED: "2"}, {REQUESTED: "6"}))
    assert found.cap(9, GPU, TWO) == 0
    limit = found.tightest(GPU, TWO)
    assert limit is not None
    assert "leaves 0 of 2" in limit.words
