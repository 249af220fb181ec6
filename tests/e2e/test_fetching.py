"""A model from a hub: fetched by the pod itself, with its progress in the status, verified, and served."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import make_namespace, remove_namespace
from tests.e2e import hub
from tests.e2e.conftest import openai_client
from tests.kube import poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

NAME = NAMESPACE = "fetching"
REPOSITORY, TOKEN = "tests/Qwen3-Tiny", "hf_fetching"
PART = 20_000_000
"""Bytes that come before the download is looked at: less than half of the model."""
PROGRESS = re.compile(r"FetchingWeights, ([1-9]\d?) % of ")
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def house(kube: Kube, platform: dict[str, str], operator_image: str) -> Iterator[str]:
    """A namespace with a hub that knows a Secret's token, and stops in the middle of the model."""
    make_namespace(kube, NAMESPACE, platform["modelFolder"])
    try:
        hub.start(kube, NAMESPACE, operator_image, repository=REPOSITORY, token=TOKEN, gate=PART)
        yield NAMESPACE
    finally:
        remove_namespace(kube, NAMESPACE)


def test_a_model_is_fetched_from_a_hub_verified_and_served(kube: Kube, house: str) -> None:
    source = {"repository": REPOSITORY, "endpoint": hub.URL, "token": {"name": hub.TOKEN_SECRET}}
    kube.apply(deployment(NAME, house, model={"source": {"persistentVolumeClaim": None, "huggingFace": source}}))
    said = poll("download is told of", lambda: _progress(kube), timeout=90)
    assert REPOSITORY in said
    assert hub.URL in said
    running = _fetched(kube)
    assert "finishedAt" not in running
    assert PART * 0.9 < running["progress"]["bytesDone"] < running["progress"]["bytesTotal"]
    hub.open_gate(kube, house)
    kube.wait_condition(NAME, house, "Ready", "True")
    fetched = _fetched(kube)
    assert fetched["weights"] == "Source"
    assert "progress" not in fetched
    assert fetched["startedAt"] < fetched["finishedAt"]
    with openai_client(kube, NAME, house) as client:
        answer = client.chat.completions.create(model="Qwen3-Tiny", messages=HELLO, temperature=0)
    assert answer.choices[0].message.content
    [pod] = kube.list("pods", house, f"serving.qwen3.io/deployment={NAME}")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    log = kube.run("logs", pod["metadata"]["name"], "-n", house)
    assert TOKEN not in log


def _progress(kube: Kube) -> str:
    """What a condition says of a download that has begun; empty until then."""
    conditions = kube.get("q3d", NAME, NAMESPACE).get("status", {}).get("conditions", ())
    return next((one["message"] for one in conditions if PROGRESS.search(one["message"])), "")


def _fetched(kube: Kube) -> dict[str, Any]:
    """The step of the start-up ledger."""
    steps = kube.get("q3d", NAME, NAMESPACE)["status"]["startup"]
    return next(dict(step) for step in steps if step["phase"] == "WeightsFetched")
