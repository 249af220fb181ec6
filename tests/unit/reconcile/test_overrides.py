from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_operator.reconcile import overrides
from qwen3_operator.reconcile.client import ApiError, Listing
from qwen3_operator.reconcile.overrides import Overrides
from tests.unit.manifests.samples import settings

if TYPE_CHECKING:
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.kinds import Resource

TAINT = "taints:\n  - {key: example.com/gpu, source: a test}\n"
BAD = "taints:\n  - {key: example.com/gpu, source: a test}\n  - {key: example.com/other, colour: red}\n"


class Done(Exception):  # noqa: N818 - the end of a test's steps
    """All steps are over."""


class Server:
    """One ConfigMap, or none; every wait ends at once until `steps` run out."""

    def __init__(self, *steps: dict[str, str] | None) -> None:
        self.steps = list(steps)
        self.events: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, str]] = []
        self.error: ApiError | None = None

    async def find_named(self, resource: Resource, namespace: str, name: str) -> Listing:
        self.asked.append((resource.plural, namespace, name))
        if self.error and len(self.asked) > 1:
            raise Done
        if self.error:
            raise self.error
        data = self.steps.pop(0)
        metadata = {"name": name, "namespace": namespace, "uid": "cm", "resourceVersion": str(len(self.steps))}
        return Listing([] if data is None else [{"metadata": metadata, "data": data}], "7")

    async def wait_for_change(self, *_: Any) -> None:
        if not self.steps:
            raise Done

    async def create_event(self, body: dict[str, Any]) -> None:
        self.events.append(body)


async def follow(server: Server, *, leads: bool = True) -> tuple[Overrides, list[Catalog]]:
    """Let overrides go through all steps of a server."""
    used: list[Catalog] = []
    following = Overrides(cast("Client", server), settings(), used.append, lambda: leads)
    with suppress(Done):
        await following.run()
    return following, used


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overrides, "_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(overrides, "_REFUSED_SECONDS", 0.0)


async def test_rows_are_added_and_taken_back() -> None:
    server = Server({"taints.yaml": TAINT}, {"taints.yaml": TAINT}, None)
    following, used = await follow(server)
    assert ["example.com/gpu" in catalog.tolerated_taints for catalog in used] == [True, False]
    assert used[0].version != used[1].version
    assert set(server.asked) == {("configmaps", "qwen3-system", "qwen3-operator-catalog")}
    assert (following.read.is_set(), server.events) == (True, [])


async def test_without_a_config_map_the_shipped_catalog_stands() -> None:
    following, used = await follow(Server(None))
    assert (used, following.read.is_set()) == ([], True)


async def test_a_bad_row_is_told_of_by_name_and_the_rest_holds() -> None:
    server = Server({"taints.yaml": BAD}, {"taints.yaml": BAD, "accelerators.yaml": "accelerators: []"})
    _, used = await follow(server)
    assert "example.com/gpu" in used[0].tolerated_taints
    assert "example.com/other" not in used[0].tolerated_taints
    told = [body for body in server.events if "colour" in body["note"] or "source" in body["note"]]
    assert len(told) == 1, "the same mistake is told of once"
    assert told[0]["type"] == "Warning"
    assert told[0]["reason"] == "CatalogRowRefused"
    assert "taints.yaml" in told[0]["note"]
    assert "example.com/other" in told[0]["note"]
    regarding = told[0]["regarding"]
    assert (regarding["kind"], regarding["apiVersion"], regarding["namespace"]) == ("ConfigMap", "v1", "qwen3-system")


async def test_a_replica_that_does_not_lead_uses_the_rows_and_says_nothing() -> None:
    server = Server({"taints.yaml": BAD})
    _, used = await follow(server, leads=False)
    assert (len(used), server.events) == (1, [])


async def test_a_refused_read_holds_nothing_up() -> None:
    server = Server()
    server.error = ApiError(403, "forbidden")
    following, used = await follow(server)
    assert (following.read.is_set(), used, len(server.asked)) == (True, [], 2)
