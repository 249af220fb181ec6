"""A model that lies on every node before its first pod: fetched into a folder of each, then served without a hub."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import make_namespace, remove_namespace
from tests.e2e import hub
from tests.e2e.conftest import openai_client
from tests.kind.docker import docker
from tests.kube import poll
from tests.objects import deployment, weights_claim, weights_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube, Object

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

NAME = NAMESPACE = "prefetching"
CACHE, FOLDER = "model-cache", "/var/lib/qwen3-cache"
REPOSITORY, TOKEN = "tests/Qwen3-Tiny", "hf_prefetching"
WHOLE = 10**12
"""Bytes that the hub serves without being asked to go on."""
WORKERS = 2
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


def cache_objects() -> tuple[Object, Object]:
    """As in docs/weights.md: one volume that is a folder of whichever node the pod is on, and its claim."""
    volume, claim = weights_volume(CACHE, ""), weights_claim(NAMESPACE)
    volume["spec"] |= {
        "accessModes": ["ReadWriteMany"],
        "claimRef": {"namespace": NAMESPACE, "name": CACHE},
        "local": {"path": FOLDER},
    }
    claim["metadata"]["name"] = CACHE
    claim["spec"] |= {"accessModes": ["ReadWriteMany"], "volumeName": CACHE}
    return volume, claim


@pytest.fixture
def house(kube: Kube, platform: dict[str, str], operator_image: str) -> Iterator[str]:
    """A namespace with a hub, and a cache whose folder is empty on every worker."""
    nodes = [
        node["metadata"]["name"] for node in kube.list("nodes", selector="!node-role.kubernetes.io/control-plane,!type")
    ]
    assert len(nodes) == WORKERS
    try:
        for node in nodes:
            subprocess.run(docker("exec", node, "mkdir", "-p", FOLDER), check=True)
        make_namespace(kube, NAMESPACE, platform["modelFolder"])
        kube.apply(*cache_objects())
        hub.start(kube, NAMESPACE, operator_image, repository=REPOSITORY, token=TOKEN, gate=WHOLE)
        yield NAMESPACE
    finally:
        remove_namespace(kube, NAMESPACE)
        kube.run("delete", "persistentvolume", CACHE, "--ignore-not-found")
        for node in nodes:
            subprocess.run(docker("exec", node, "rm", "-rf", FOLDER), check=True)


def test_a_model_is_on_every_node_before_its_first_pod(kube: Kube, house: str) -> None:
    source = {"repository": REPOSITORY, "endpoint": hub.URL, "token": {"name": hub.TOKEN_SECRET}}
    model = {
        "source": {"persistentVolumeClaim": None, "huggingFace": source},
        "cache": {"claimName": CACHE, "sizeLimit": "1Gi", "prefetch": True},
    }
    kube.apply(deployment(NAME, house, model=model, replicas=0))
    poll("model on every node", lambda: _prefetch(kube) == {"nodes": WORKERS, "ready": WORKERS}, timeout=90)
    assert _replicas(kube) == []
    fetching = kube.list("pods", house, f"serving.qwen3.io/prefetch={NAME}")
    assert len({pod["spec"]["nodeName"] for pod in fetching}) == WORKERS

    kube.run("delete", "pod", hub.NAME, "-n", house)
    kube.run("scale", "q3d", NAME, "-n", house, "--replicas=1")
    poll("a replica", lambda: len(_replicas(kube)) == 1, timeout=30)
    kube.wait_condition(NAME, house, "Ready", "True")
    status = kube.get("q3d", NAME, house)["status"]
    step = next(step for step in status["startup"] if step["phase"] == "WeightsFetched")
    assert step["weights"] == "Cache"
    assert (status["replicas"], status["readyReplicas"]) == (1, 1)
    with openai_client(kube, NAME, house) as client:
        answer = client.chat.completions.create(model="Qwen3-Tiny", messages=HELLO, temperature=0)
    assert answer.choices[0].message.content

    kube.apply(deployment(NAME, house, model=model | {"cache": {"claimName": CACHE}}, replicas=1))
    poll("no pod that only fetches", lambda: kube.list("daemonsets", house) == [], timeout=60)
    poll("no word of it", lambda: _prefetch(kube) is None, timeout=30)


def _prefetch(kube: Kube) -> dict[str, int] | None:
    found: dict[str, int] | None = kube.get("q3d", NAME, NAMESPACE).get("status", {}).get("prefetch")
    return found


def _replicas(kube: Kube) -> list[Object]:
    return kube.list("pods", NAMESPACE, f"serving.qwen3.io/deployment={NAME}")
