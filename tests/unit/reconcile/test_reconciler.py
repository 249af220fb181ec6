"""One reconcile: what is written, what is left alone, and who has to act, with an API server that only answers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_operator.reconcile.cache import Cache
from qwen3_operator.reconcile.client import ApiError, Listing
from qwen3_operator.reconcile.kinds import Key, Kind
from qwen3_operator.reconcile.planner import Answer
from qwen3_operator.reconcile.reconciler import Reconciler
from qwen3_operator.sizing import FailureReason, PlanFailure
from tests.unit.manifests.samples import deployment, plan, settings
from tests.unit.reconcile.samples import CATALOG, pod

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.api.status import PlanStatus

KEY = Key("team-a", "chat")


class Api:
    """Keeps what is applied, and hands out versions."""

    def __init__(self) -> None:
        self.version = 100
        self.children: list[str] = []
        self.statuses: list[dict[str, Any]] = []
        self.events: list[str] = []
        self.refuses: Callable[[str], ApiError | None] = lambda _: None
        """Why a kind, or ``status``, is not written."""

    async def apply(self, manifest: dict[str, Any], *, subresource: str = "") -> dict[str, Any]:
        self.version += 1
        if refusal := self.refuses(subresource or manifest["kind"]):
            raise refusal
        version = {"resourceVersion": str(self.version)}
        if subresource:
            self.statuses.append(manifest["status"])
            whole = deployment()
            return {**whole, "metadata": whole["metadata"] | version, "status": copy.deepcopy(manifest["status"])}
        self.children.append(manifest["kind"])
        live = copy.deepcopy(manifest)
        live["metadata"] |= {"uid": f"uid-{live['kind']}-{live['metadata']['name']}", "generation": 1, **version}
        return live

    async def list(self, _: Kind, **__: Any) -> Listing:
        return Listing([], "1")

    async def create_event(self, event: dict[str, Any]) -> None:
        self.events.append(event["reason"])

    def condition(self, kind: str) -> tuple[str, str, str]:
        """Status, reason and message of the last status."""
        (found,) = (one for one in self.statuses[-1]["conditions"] if one["type"] == kind)
        return found["status"], found["reason"], found["message"]


class Planner:
    catalog = CATALOG

    def __init__(self) -> None:
        self.found = Answer(plan())
        self.forgotten: list[Key] = []

    async def answer(self, *_: Any) -> Answer:
        return self.found

    def in_force(self, _: Key) -> PlanStatus | None:
        return self.found.plan

    def forget(self, key: Key) -> None:
        self.forgotten.append(key)


class Silent:
    """Freshness, meters and autoscaler that have nothing to say."""

    def view(self, *_: Any) -> Any:
        return None

    def forget(self, _: Key) -> None:
        return


class Meters:
    def view(self, *_: Any) -> tuple[()]:
        return ()


class Stand:
    """A reconciler and what surrounds it."""

    def __init__(self) -> None:
        self.api, self.cache, self.planner = Api(), Cache(), Planner()
        self.again: list[Key] = []
        silent = cast("Any", Silent())
        self.reconciler = Reconciler(
            cast("Any", self.api),
            self.cache,
            cast("Any", self.planner),
            settings=settings(),
            phase=lambda _: None,
            mount_failure=lambda _: "",
            again=lambda key, _: self.again.append(key),
            freshness=silent,
            meters=cast("Any", Meters()),
            offered=lambda _: None,
            autoscaler=silent,
        )

    async def reconcile(self) -> bool:
        """Once, and again where it asks for it."""
        accepted = await self.reconciler.reconcile(KEY)
        while self.again:
            self.again.clear()
            accepted = await self.reconciler.reconcile(KEY)
        return accepted


@pytest.fixture
def stand() -> Stand:
    made = Stand()
    made.cache.put(Kind.QWEN3DEPLOYMENT, deployment())
    return made


async def test_children_then_one_status_and_then_nothing(stand: Stand) -> None:
    assert await stand.reconciler.reconcile(KEY)
    assert stand.api.children == ["Service", "NetworkPolicy", "PodDisruptionBudget", "Deployment"]
    assert (stand.api.statuses, stand.again) == ([], [KEY]), "the controllers have news in a moment"
    assert await stand.reconcile()
    assert stand.api.condition("Planned")[:2] == ("True", "Planned")
    assert stand.api.events == ["Planned"]
    written = len(stand.api.children), len(stand.api.statuses)
    for _ in range(3):
        assert await stand.reconcile()
    assert (len(stand.api.children), len(stand.api.statuses)) == written
    assert stand.api.events == ["Planned"]


async def test_a_status_waits_for_one_change_of_the_children_and_for_no_second_one(stand: Stand) -> None:
    for seconds in (10, 20):
        changed = deployment({"drainTimeoutSeconds": seconds}, generation=seconds, resourceVersion=str(seconds))
        stand.cache.put(Kind.QWEN3DEPLOYMENT, changed)
        await stand.reconciler.reconcile(KEY)
    assert stand.again == [KEY]
    assert stand.api.statuses[-1]["observedGeneration"] == 20


async def test_a_model_that_left_the_catalog_keeps_running(stand: Stand) -> None:
    stand.planner.found = Answer(plan(model="Qwen3-Gone"))
    assert not await stand.reconcile()
    assert stand.api.condition("Planned")[1] == "ModelGone"
    assert stand.api.children == []


async def test_pods_change_the_status_and_no_child(stand: Stand) -> None:
    await stand.reconcile()
    children = len(stand.api.children)
    for number in range(2):
        stand.cache.put(Kind.POD, pod(f"chat-{number}", ready=True))
    assert await stand.reconcile()
    assert stand.api.condition("Ready")[:2] == ("True", "Serving")
    assert (stand.api.statuses[-1]["ready"], len(stand.api.children)) == ("2/2", children)
    assert stand.api.events[-1] == "Ready"


async def test_a_spec_that_cannot_be_read_names_its_field_and_waits_for_a_person(stand: Stand) -> None:
    await stand.reconcile()
    wrong = deployment({"drainTimeoutSeconds": "soon"}, generation=2, resourceVersion="900")
    wrong["status"] = stand.api.statuses[-1]
    stand.cache.put(Kind.QWEN3DEPLOYMENT, wrong)
    children = len(stand.api.children)
    assert not await stand.reconcile()
    status, reason, message = stand.api.condition("Planned")
    assert (status, reason) == ("False", "InvalidSpec")
    assert message.startswith("spec.drainTimeoutSeconds: ")
    assert len(stand.api.children) == children, "what runs is left alone"
    assert stand.api.statuses[-1]["plan"]["specDigest"] == plan().spec_digest, "and its plan is still known"


async def test_a_spec_without_a_plan_leaves_what_runs(stand: Stand) -> None:
    stand.planner.found = Answer(plan(), PlanFailure(FailureReason.NO_FIT, "needs 4 devices, 2 are free"))
    assert not await stand.reconcile()
    assert stand.api.condition("Planned") == ("False", "NoFit", "needs 4 devices, 2 are free")
    assert stand.api.children == []


async def test_nodes_that_have_the_model_are_told_without_a_plan_too(stand: Stand) -> None:
    model = {"source": {"huggingFace": {}}, "cache": {"claimName": "cache", "prefetch": True}}
    stand.cache.put(Kind.QWEN3DEPLOYMENT, deployment({"model": model}, resourceVersion="8"))
    await stand.reconcile()
    assert "DaemonSet" in stand.api.children
    (made,) = stand.cache.owned(Kind.DAEMON_SET, KEY)
    counts = {"observedGeneration": 1, "desiredNumberScheduled": 3, "numberReady": 2, "updatedNumberScheduled": 3}
    metadata = made["metadata"] | {"generation": 1, "resourceVersion": "900"}
    stand.cache.put(Kind.DAEMON_SET, {**made, "metadata": metadata, "status": counts})
    stand.planner.found = Answer(plan(), PlanFailure(FailureReason.NO_FIT, "needs 4 devices, 2 are free"))
    await stand.reconcile()
    assert stand.api.statuses[-1]["prefetch"] == {"nodes": 3, "ready": 2}


async def test_a_manifest_that_is_wrong_waits_for_a_person(stand: Stand) -> None:
    stand.api.refuses = lambda what: ApiError(422, "no such port") if what == "Service" else None
    assert not await stand.reconcile()
    status, reason, message = stand.api.condition("Ready")
    assert (status, reason, "no such port" in message) == ("False", "ApplyRefused", True)


@pytest.mark.parametrize("code", [403, 409], ids=["a right", "a name that is taken"])
async def test_what_others_may_mend_is_told_and_tried_again(stand: Stand, code: int) -> None:
    stand.api.refuses = lambda what: ApiError(code, "no Services here") if what == "Service" else None
    with pytest.raises(ApiError):
        await stand.reconcile()
    status, reason, message = stand.api.condition("Ready")
    assert (status, reason, "no Services here" in message) == ("False", "ApplyRefused", True)


async def test_in_a_namespace_that_ends_nothing_is_told(stand: Stand) -> None:
    words = "unable to create new content in namespace team-a because it is being terminated"
    stand.api.refuses = lambda _: ApiError(403, words)
    assert await stand.reconcile()
    assert stand.api.statuses == []


async def test_an_api_server_that_is_not_reached_is_for_the_queue(stand: Stand) -> None:
    stand.api.refuses = lambda what: ApiError(0, "API server not reached") if what == "Service" else None
    with pytest.raises(ApiError):
        await stand.reconcile()
    assert stand.api.statuses == []


async def test_a_deployment_that_is_gone_when_its_status_is_written_is_no_fault(stand: Stand) -> None:
    stand.api.refuses = lambda what: ApiError(404, "not found") if what == "status" else None
    assert await stand.reconcile()
    assert stand.api.events == []


async def test_a_status_that_is_refused_is_tried_again(stand: Stand) -> None:
    stand.api.refuses = lambda what: ApiError(422, "too long") if what == "status" else None
    with pytest.raises(ApiError):
        await stand.reconcile()


async def test_what_is_on_its_way_out_is_left_to_the_garbage_collector(stand: Stand) -> None:
    ending = deployment(deletionTimestamp="2026-11-24T12:00:00Z", resourceVersion="8")
    stand.cache.put(Kind.QWEN3DEPLOYMENT, ending)
    assert await stand.reconcile()
    assert (stand.api.children, stand.api.statuses) == ([], [])


async def test_what_is_gone_is_forgotten(stand: Stand) -> None:
    stand.cache.remove(Kind.QWEN3DEPLOYMENT, deployment())
    assert await stand.reconcile()
    assert stand.planner.forgotten == [KEY]
    assert stand.api.children == []
