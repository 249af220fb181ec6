from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.mounts import MountFailures
from tests.unit.reconcile.samples import pod, waiting

if TYPE_CHECKING:
    from qwen3_operator.reconcile.client import Client

GAVE_UP = "Unable to attach or mount volumes: timed out waiting for the condition"
CAUSE = 'MountVolume.NewMounter initialization failed for volume "w": path "/models" does not exist'


class Events:
    """Answers with Events and remembers the question."""

    def __init__(self, *messages: str) -> None:
        self.messages = messages
        self.reason = "FailedMount"
        self.asked: list[str] = []

    async def list_events(self, namespace: str, fields: str) -> tuple[dict[str, Any], ...]:
        self.asked.append(f"{namespace}: {fields}")
        return tuple({"reason": self.reason, "message": message} for message in self.messages)


async def test_a_pod_that_keeps_waiting_gets_the_kubelets_own_error_once() -> None:
    cache, events, keys = Cache(), Events(GAVE_UP, CAUSE), list[Key]()
    cache.put(Kind.POD, pod(container=waiting("ContainerCreating")))
    mounts = MountFailures(cast("Client", events), cache, keys.append)
    await mounts._round()
    assert events.asked == []
    await mounts._round()
    events.messages = (CAUSE, GAVE_UP)
    await mounts._round()
    assert events.asked[0] == "team-a: involvedObject.uid=uid-chat-0,type=Warning"
    assert mounts.message("uid-chat-0") == CAUSE
    assert keys == [Key("team-a", "chat")]


async def test_a_pod_that_runs_is_not_asked_about_and_its_error_is_forgotten() -> None:
    cache, events, keys = Cache(), Events(CAUSE), list[Key]()
    cache.put(Kind.POD, pod(container=waiting("ContainerCreating")))
    mounts = MountFailures(cast("Client", events), cache, keys.append)
    await mounts._round()
    await mounts._round()
    assert keys == [Key("team-a", "chat")]
    running = pod()
    running["metadata"]["resourceVersion"] = "2"
    cache.put(Kind.POD, running)
    await mounts._round()
    assert mounts.message("uid-chat-0") == ""
    assert len(events.asked) == 1
    assert keys == [Key("team-a", "chat")] * 2, "the status may still tell of it"


async def test_nobody_is_told_of_a_pod_that_is_gone() -> None:
    cache, events, keys = Cache(), Events(CAUSE), list[Key]()
    cache.put(Kind.POD, pod(container=waiting("ContainerCreating")))
    mounts = MountFailures(cast("Client", events), cache, keys.append)
    await mounts._round()
    await mounts._round()
    cache.remove(Kind.POD, pod())
    await mounts._round()
    assert mounts.message("uid-chat-0") == ""
    assert keys == [Key("team-a", "chat")]


async def message_of(*messages: str, reason: str) -> str:
    cache, events = Cache(), Events(*messages)
    events.reason = reason
    cache.put(Kind.POD, pod(container=waiting("ContainerCreating")))
    mounts = MountFailures(cast("Client", events), cache, lambda _: None)
    await mounts._round()
    await mounts._round()
    return mounts.message("uid-chat-0")


async def test_a_claim_of_one_node_is_explained() -> None:
    raw = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) chat-h100-1'
    message = await message_of(GAVE_UP, raw, reason="FailedAttachVolume")
    assert "ReadWriteOnce serves one node" in message
    assert "ReadWriteMany" in message
    assert raw in message


async def test_other_warnings_are_no_mount_failures() -> None:
    assert await message_of("Back-off restarting failed container", reason="BackOff") == ""
