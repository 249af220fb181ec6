from __future__ import annotations

import copy
from typing import Any

from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.intake import Intake
from qwen3_operator.reconcile.kinds import Key, Kind
from tests.unit.inventory.objects import quota
from tests.unit.manifests.samples import deployment
from tests.unit.reconcile.samples import pod

KEY, HUNGRY = Key("team-a", "chat"), Key("team-b", "hungry")


class Ears:
    """What an intake asked for."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.capacity_changes = 0
        self.devices_taken = 0
        self.intake = Intake(
            Cache(),
            lambda key, _: self.keys.append(key),
            lambda: (HUNGRY,),
            self._capacity_changed,
            devices_taken=self._devices_taken,
        )

    def _devices_taken(self) -> None:
        self.devices_taken += 1

    def _capacity_changed(self) -> None:
        self.capacity_changes += 1

    def take(self, kind: Kind, obj: dict[str, Any]) -> list[Key]:
        self.keys.clear()
        self.intake.upsert(kind, obj)
        return list(self.keys)


def node(version: int = 1, ready: str = "True", **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}]
    metadata = {"name": "node-1", "uid": "n", "resourceVersion": str(version), "labels": {"a": "b"}}
    return {"metadata": metadata, "spec": {}, "status": {"conditions": conditions, **status}}


def newer(obj: dict[str, Any], version: int) -> dict[str, Any]:
    changed = copy.deepcopy(obj)
    changed["metadata"]["resourceVersion"] = str(version)
    return changed


def test_a_new_spec_asks_for_work_and_our_own_status_does_not() -> None:
    ears = Ears()
    assert ears.take(Kind.QWEN3DEPLOYMENT, deployment()) == [KEY]
    written = newer(deployment(), 8) | {"status": {"ready": "1/1"}}
    assert ears.take(Kind.QWEN3DEPLOYMENT, written) == []
    changed = newer(deployment(generation=2), 9)
    assert ears.take(Kind.QWEN3DEPLOYMENT, changed) == [KEY]


def test_pods_and_children_ask_for_their_deployment_and_stale_news_is_dropped() -> None:
    ears = Ears()
    assert ears.take(Kind.POD, newer(pod(), 5)) == [KEY]
    assert ears.take(Kind.POD, newer(pod(), 5)) == []


def test_a_wish_for_a_new_plan_is_heard_once() -> None:
    ears = Ears()
    ears.take(Kind.QWEN3DEPLOYMENT, deployment())
    wished = newer(deployment(annotations={"serving.qwen3.io/replan": "1"}), 8)
    assert ears.take(Kind.QWEN3DEPLOYMENT, wished) == [KEY]
    assert ears.take(Kind.QWEN3DEPLOYMENT, newer(wished, 9) | {"status": {"replanned": "1"}}) == []
    other = newer(deployment(annotations={"serving.qwen3.io/replan": "1", "other": "x"}), 10)
    assert ears.take(Kind.QWEN3DEPLOYMENT, other) == []


def test_a_pool_concerns_those_that_wait_and_its_status_nobody() -> None:
    ears = Ears()
    pool = {"metadata": {"name": "p", "uid": "p", "generation": 1, "resourceVersion": "1"}, "spec": {}}
    assert ears.take(Kind.ACCELERATOR_POOL, pool) == [HUNGRY]
    assert ears.take(Kind.ACCELERATOR_POOL, newer(pool, 2) | {"status": {"nodes": 3}}) == []
    changed = newer(pool, 3)
    changed["metadata"]["generation"] = 2
    assert ears.take(Kind.ACCELERATOR_POOL, changed) == [HUNGRY]
    ears.keys.clear()
    ears.intake.remove(Kind.ACCELERATOR_POOL, changed)
    assert ears.keys == [HUNGRY]
    assert ears.capacity_changes == 3


def test_a_pod_that_gets_a_node_takes_devices() -> None:
    ears = Ears()
    ears.take(Kind.POD, pod(bound=False))
    assert ears.devices_taken == 0
    ears.take(Kind.POD, newer(pod(), 2))
    ears.take(Kind.POD, newer(pod(ready=True), 3))
    assert ears.devices_taken == 1


def test_a_deleted_pod_leaves_room_for_those_that_wait() -> None:
    ears = Ears()
    ears.take(Kind.POD, pod())
    ears.keys.clear()
    ears.intake.remove(Kind.POD, pod())
    assert ears.keys == [KEY, HUNGRY]
    assert ears.capacity_changes == 1


def test_heartbeats_of_nodes_are_not_news() -> None:
    ears = Ears()
    assert ears.take(Kind.NODE, node(allocatable={"cpu": "4"})) == [HUNGRY]
    assert ears.take(Kind.NODE, node(2, allocatable={"cpu": "4"}, images=["x"])) == []
    assert ears.take(Kind.NODE, node(3, allocatable={"cpu": "8"})) == [HUNGRY]


def test_a_lost_node_concerns_its_pods() -> None:
    ears = Ears()
    ears.take(Kind.POD, pod())
    ears.take(Kind.NODE, node())
    assert ears.take(Kind.NODE, node(2, ready="Unknown")) == [HUNGRY, KEY]


def test_a_quota_that_leaves_more_is_for_those_that_wait_in_its_namespace() -> None:
    gpus = "requests.nvidia.com/gpu"
    ears, version = Ears(), 0

    def take(hard: str, used: str, namespace: str = "team-b", **spec: Any) -> list[Key]:
        nonlocal version
        version += 1
        found = newer(quota({gpus: hard}, {gpus: used}, namespace=namespace), version)
        found["spec"] |= spec
        found["metadata"]["uid"] = namespace
        return ears.take(Kind.RESOURCE_QUOTA, found)

    assert take("4", "4") == [], "it only takes away"
    assert take("4", "2") == [HUNGRY], "pods of others ended"
    assert take("4", "4") == [], "pods of others came"
    assert take("8", "4") == [HUNGRY]
    assert take("8", "4", scopes=["BestEffort"]) == [HUNGRY]
    assert take("4", "4", "team-a") == take("8", "4", "team-a") == [], "nobody waits there"
    assert ears.capacity_changes == 3
    ears.keys.clear()
    ears.intake.remove(Kind.RESOURCE_QUOTA, newer(quota({}, namespace="team-b"), version))
    assert ears.keys == [], "an earlier one of the same name"
    gone = newer(quota({gpus: "8"}, namespace="team-b"), version)
    gone["metadata"]["uid"] = "team-b"
    ears.intake.remove(Kind.RESOURCE_QUOTA, gone)
    assert ears.keys == [HUNGRY]
