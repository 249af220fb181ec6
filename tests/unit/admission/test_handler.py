from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from qwen3_operator.admission.handler import PATH, application
from qwen3_operator.sizing import FailureReason, PlanFailure
from tests.unit.admission.given import review, spec

if TYPE_CHECKING:
    from qwen3_operator.admission.handler import Judge
    from qwen3_operator.api.deployment import DeploymentSpec

UNKNOWN = PlanFailure(FailureReason.UNKNOWN_MODEL, "spec.model.name 'Qwen3-23B' is not known")


async def answer(judge: Judge, body: Any) -> dict[str, Any]:
    async with TestClient(TestServer(application(judge, deadline=0.2))) as client:
        response = await client.post(PATH, json=body)
        assert response.status == 200
        found: dict[str, Any] = (await response.json())["response"]
        return found


class Judged:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, DeploymentSpec, Any]] = []

    async def __call__(self, namespace: str, name: str, spec: DeploymentSpec, status: Any) -> PlanFailure:
        self.asked.append((namespace, name, spec, status))
        return UNKNOWN


async def test_the_planner_is_asked_for_what_would_be_stored() -> None:
    judge = Judged()
    found = await answer(judge, review(spec(name="Qwen3-23B"), old=spec()))
    assert found["warnings"] == ["UnknownModel: spec.model.name 'Qwen3-23B' is not known"]
    ((namespace, name, asked, status),) = judge.asked
    assert (namespace, name, asked.model.name, status) == ("team-a", "chat", "Qwen3-23B", {"replicas": 1})


async def test_an_unchanged_spec_is_not_planned() -> None:
    judge = Judged()
    assert "warnings" not in await answer(judge, review(spec(), old=spec()))
    assert judge.asked == []


async def test_a_schedule_that_no_rule_can_judge_is_a_warning() -> None:
    office = {"name": "office", "timeZone": "Europe/Berln", "start": "0 8 * * *", "end": "0 18 * * *", "minReplicas": 2}
    asked = spec() | {"scaling": {"mode": "Auto", "maxReplicas": 4, "schedules": [office]}}
    first, second = (await answer(Judged(), review(asked)))["warnings"]
    assert first.startswith("InvalidSchedule: spec.scaling.schedules[office].timeZone is Europe/Berln")
    assert "nearest: Europe/Berlin" in first
    assert second.startswith("UnknownModel")


async def _raises(*_: Any) -> PlanFailure:
    raise ConnectionError("API server not reached")


async def _is_slow(*_: Any) -> PlanFailure:
    await asyncio.sleep(60)
    raise AssertionError("nobody waits so long")


async def _never_asked(*_: Any) -> PlanFailure:
    raise AssertionError("the spec is no spec")


@pytest.mark.parametrize(
    ("judge", "model", "reason"),
    [
        (_raises, {}, "API server not reached"),
        (_is_slow, {}, "no answer within 0.2 s"),
        (_never_asked, {"quantization": "INT3"}, "quantization"),
    ],
)
async def test_a_failure_allows_and_says_why(
    judge: Judge, model: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "qwen3_operator.admission.handler"):
        found = await answer(judge, review(spec(**model)))
    assert found == {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": True}
    (record,) = caplog.records
    assert reason in record.__dict__["reason"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"apiVersion": "admission.k8s.io/v1beta1"}'])
async def test_what_is_no_review_is_a_bad_request(body: bytes) -> None:
    async with TestClient(TestServer(application(_raises))) as client:
        response = await client.post(PATH, data=body, headers={"Content-Type": "application/json"})
        assert response.status == 400
