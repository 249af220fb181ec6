"""Each row of the bad-input table: what the user reads, and that mending the cause is enough."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kube import KubectlError, poll
from tests.objects import deployment, weights_claim, weights_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

CLASSIFIED_WITHIN = 30


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"model": {"quantization": "INT3"}}, ["quantization", "INT3", "FP8"]),
        ({"model": {"contextLength": -5}}, ["contextLength", "-5", "256"]),
        ({"model": {"contextLength": 99_999_999}}, ["contextLength", "1048576"]),
        ({"replicas": -1}, ["replicas", "-1", "0"]),
        ({"workload": {"concurrency": 0}}, ["concurrency", "0", "1"]),
        ({"drainTimeoutSeconds": "soon"}, ["drainTimeoutSeconds", "numeric", "string"]),
        ({"model": {"source": None}}, ["source", "Required"]),
        ({"modle": {"name": "Qwen3-8B"}}, ["modle", "not declared"]),
    ],
)
def test_refused_at_apply(kube: Kube, spec: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(KubectlError) as refused:
        kube.apply(deployment("bad", "default", **spec), server_dry_run=True)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"model": {"name": "Qwen3-23B"}}, "UnknownModel", ["spec.model.name", "Qwen3-23B", "Qwen3-32B"]),
        ({"model": {"quantization": "FP8"}}, "UnsupportedQuantization", ["spec.model.quantization", "FP8", "BF16"]),
        ({"model": {"name": "Qwen3-0.6B", "contextLength": 500_000}}, "ContextTooLong", ["contextLength", "500000"]),
        ({"hardware": {"pools": ["nowhere"]}}, "UnknownPool", ["spec.hardware.pools", "nowhere"]),
        ({"hardware": {"accelerators": ["H200x"]}}, "UnknownAccelerator", ["spec.hardware.accelerators", "H200"]),
        ({"model": {"name": "Qwen3-235B-A22B"}}, "NoFit", ["GB"]),
    ],
)
def test_planned_false_and_mended(
    kube: Kube, namespace: str, spec: dict[str, Any], reason: str, words: list[str]
) -> None:
    kube.apply(deployment("bad", namespace, **spec))
    condition = kube.wait_condition("bad", namespace, "Planned", "False", reason=reason, timeout=60)
    for word in words:
        assert word in condition["message"]
    assert kube.list("deployments", namespace) == []
    kube.apply(deployment("bad", namespace))
    kube.wait_condition("bad", namespace, "Planned", "True", timeout=60)


def test_failed_replan_keeps_what_runs(kube: Kube, namespace: str) -> None:
    kube.apply(deployment("keeps", namespace))
    kube.wait_condition("keeps", namespace, "Planned", "True")
    child = poll("child", lambda: kube.list("deployments", namespace), timeout=60)[0]
    kube.patch("q3d", "keeps", namespace, {"spec": {"model": {"name": "Qwen3-77B"}}})
    kube.wait_condition("keeps", namespace, "Planned", "False", reason="UnknownModel")
    after = kube.get("deployment", child["metadata"]["name"], namespace)
    assert after["metadata"]["generation"] == child["metadata"]["generation"]


@pytest.fixture
def own_weights(kube: Kube, namespace: str, platform: dict[str, str]) -> Iterator[Path]:
    """A folder of the host that backs the claim ``weights`` of the namespace. It is for the test to make."""
    models = Path(platform["modelsOnHost"])
    folder = models / f"e2e-{namespace}"
    kube.run("delete", "pvc", "weights", "-n", namespace, "--timeout=60s")
    kube.run("delete", "pv", namespace, "--timeout=60s")
    kube.apply(weights_volume(namespace, folder.name), weights_claim(namespace))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_weights_unmountable_missing_incomplete_then_complete(
    kube: Kube, namespace: str, platform: dict[str, str], own_weights: Path
) -> None:
    kube.apply(deployment("weights", namespace))
    condition = kube.wait_condition("weights", namespace, "Ready", "False", reason="VolumeMountFailed", timeout=120)
    assert own_weights.name in condition["message"], "the folder that is not there"

    # The kubelet tries again after ever longer times.
    own_weights.mkdir(mode=0o755)
    missing = kube.wait_condition("weights", namespace, "WeightsReady", "False", timeout=240)
    assert "/models" in missing["message"]
    assert "empty" in missing["message"]

    good = Path(platform["modelsOnHost"]) / platform["modelFolder"]
    config = json.loads((good / "config.json").read_text())
    (own_weights / "config.json").write_text(json.dumps({**config, "hidden_size": 4096}))
    mismatch = _wait_message(kube, namespace, "weights", "WeightsReady", "hidden_size")
    assert "4096" in mismatch
    assert str(config["hidden_size"]) in mismatch

    for file in good.iterdir():
        shutil.copy(file, own_weights / file.name)
    safetensors = next(own_weights.glob("*.safetensors"))
    whole = safetensors.read_bytes()
    safetensors.write_bytes(whole[: len(whole) // 2])
    assert str(len(whole) // 2) in _wait_message(kube, namespace, "weights", "WeightsReady", safetensors.name)

    pod = kube.list("pods", namespace)[0]["metadata"]["uid"]
    safetensors.write_bytes(whole)
    kube.wait_condition("weights", namespace, "Ready", "True")
    assert kube.list("pods", namespace)[0]["metadata"]["uid"] == pod, "recovered without a restart"


def test_claim_missing(kube: Kube, namespace: str) -> None:
    source = {"persistentVolumeClaim": {"claimName": "no-such-claim"}}
    kube.apply(deployment("claim", namespace, model={"source": source}))
    condition = kube.wait_condition("claim", namespace, "Ready", "False", reason="Unschedulable", timeout=30)
    assert "no-such-claim" in condition["message"]


def test_image_cannot_be_pulled_then_can(kube: Kube, namespace: str) -> None:
    kube.apply(deployment("image", namespace, engine={"image": "no-such-host.invalid/engine:1"}))
    condition = kube.wait_condition("image", namespace, "Ready", "False", reason="ImagePullFailed", timeout=40)
    assert "no-such-host.invalid/engine:1" in condition["message"]
    kube.apply(deployment("image", namespace))
    kube.wait_condition("image", namespace, "Ready", "True")


def test_unschedulable_says_why(kube: Kube, namespace: str) -> None:
    for worker in _workers(kube):
        kube.run("cordon", worker)
    try:
        kube.apply(deployment("stuck", namespace))
        condition = kube.wait_condition("stuck", namespace, "Planned", "False", timeout=CLASSIFIED_WITHIN)
        assert "Cordoned" in condition["message"]
    finally:
        for worker in _workers(kube):
            kube.run("uncordon", worker)
    kube.wait_condition("stuck", namespace, "Ready", "True")


def test_refused_engine_argument_is_in_the_condition(kube: Kube, namespace: str) -> None:
    kube.apply(deployment("flag", namespace, engine={"extraArgs": ["--no-such-flag"]}))
    condition = kube.wait_condition("flag", namespace, "Ready", "False", reason="EngineStartFailed", timeout=120)
    assert "unrecognized arguments: --no-such-flag" in condition["message"]
    kube.apply(deployment("flag", namespace))
    kube.wait_condition("flag", namespace, "Ready", "True")


def test_out_of_memory_is_named(kube: Kube, namespace: str) -> None:
    hungry = ["--max-total-tokens", "20000000"]
    kube.apply(deployment("oom", namespace, engine={"extraArgs": hungry}))
    condition = kube.wait_condition("oom", namespace, "Ready", "False", reason="OutOfMemory", timeout=180)
    assert "memory" in condition["message"].lower()


def test_crash_loop_is_named(kube: Kube, namespace: str, operator_image: str) -> None:
    # The operator's image ends at once with status 2 where it finds no settings.
    kube.apply(deployment("crash", namespace, engine={"image": operator_image}))
    condition = kube.wait_condition("crash", namespace, "Ready", "False", reason="CrashLoop", timeout=CLASSIFIED_WITHIN)
    assert "exit code 2" in condition["message"]
    kube.apply(deployment("crash", namespace))
    kube.wait_condition("crash", namespace, "Ready", "True")


def test_silent_container_is_named(kube: Kube, namespace: str) -> None:
    kube.apply(deployment("mute", namespace))
    kube.wait_condition("mute", namespace, "Ready", "True")
    node = kube.list("pods", namespace)[0]["spec"]["nodeName"]
    subprocess.run(["docker", "exec", node, "pkill", "-STOP", "-f", "qwen3_runtime"], check=True)
    try:
        kube.wait_condition("mute", namespace, "Ready", "False", reason="ProbeFailing", timeout=CLASSIFIED_WITHIN)
    finally:
        subprocess.run(["docker", "exec", node, "pkill", "-CONT", "-f", "qwen3_runtime"], check=True)
    kube.wait_condition("mute", namespace, "Ready", "True")


def _wait_message(kube: Kube, namespace: str, name: str, kind: str, word: str) -> str:
    found = poll(
        f"{kind} says {word}",
        lambda: next((c for c in [kube.condition(name, namespace, kind)] if word in c.get("message", "")), None),
        timeout=CLASSIFIED_WITHIN,
    )
    return str(found["message"])


def _workers(kube: Kube) -> list[str]:
    nodes = kube.list("nodes", selector="!node-role.kubernetes.io/control-plane")
    return [
        n["metadata"]["name"] for n in nodes if n["metadata"].get("annotations", {}).get("kwok.x-k8s.io/node") is None
    ]
