"""Proofs that the running cluster can do what the tests build on, with images that this machine has anyway."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.kind import checkobjects, cluster, machine, pools, registry
from tests.kind.checkobjects import NAMESPACE
from tests.kind.steps import StepError, output, succeeds

if TYPE_CHECKING:
    from tests.kind.cluster import Cluster
    from tests.kind.steps import Steps

TEXT = "weights would lie here"
URL = f"http://server.{NAMESPACE}.svc.cluster.local:8080/hello.txt"
NO_ANSWER = "no answer"
FETCH = f"""import urllib.request
try:
    print(urllib.request.urlopen('{URL}', timeout=2).read().decode())
except OSError:
    print('{NO_ANSWER}')
"""
POLICY_SECONDS = 30
# One on the server's node, whose packets only cross a bridge, and one on the other.
STRANGERS = ("neighbour", "outsider")


def run(target: Cluster, steps: Steps) -> None:
    """Run all proofs in a namespace of their own, which is removed afterwards."""
    base = machine.base_image(steps)
    with steps.step("push an image to the local registry") as step:
        registry.provide(base, step)
        image = registry.push(base, step)
    _clean(target)
    try:
        with steps.step("a volume's file, under Pod Security restricted, from that image") as step:
            _start_pods(target, image)
            step.run(
                target.kubectl("wait", "pods", "--all", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=120s")
            )
        with steps.step("DNS and a Service, on one node and across nodes"):
            for client in ("friend", *STRANGERS):
                _until(target, client, reaches=True)
        with steps.step("a NetworkPolicy admits one pod and refuses others"):
            _apply(target, checkobjects.policy())
            for client in STRANGERS:
                _until(target, client, reaches=False)
            _until(target, "friend", reaches=True)
        with steps.step("a pod on a fake H100 node runs"):
            _fake_pod(target)
    finally:
        _clean(target)


def _clean(target: Cluster) -> None:
    output(target.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s"), timeout=90)
    output(target.kubectl("delete", "pv", NAMESPACE, "--ignore-not-found", "--timeout=60s"), timeout=90)
    pools.remove(target.kubectl, pools.nvidia_h100(1, NAMESPACE))


def _apply(target: Cluster, *objects: dict[str, Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    output(target.kubectl("apply", "-f", "-"), stdin=text)


def _until(target: Cluster, client: str, *, reaches: bool) -> None:
    """Wait until a client pod reaches the server, or does not any more; policies take a moment."""
    expected, deadline = TEXT if reaches else NO_ANSWER, time.monotonic() + POLICY_SECONDS
    while output(target.kubectl("exec", "-n", NAMESPACE, client, "--", "python3", "-c", FETCH)).strip() != expected:
        if time.monotonic() > deadline:
            raise StepError(f"pod {client}: reaching {URL} should be {reaches}, and is not after {POLICY_SECONDS} s")
        time.sleep(1)


def _start_pods(target: Cluster, image: str) -> None:
    folder = cluster.models_folder() / NAMESPACE
    folder.mkdir(exist_ok=True)
    (folder / "hello.txt").write_text(TEXT)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    _apply(target, namespace)
    # The controller manager makes it; without it pods are refused.
    output(target.kubectl("wait", "serviceaccount/default", "-n", NAMESPACE, "--for=create", "--timeout=30s"))
    workers = [name for name in sorted(target.nodes()) if "control-plane" not in name]
    serve = ["python3", "-m", "http.server", "8080", "--directory", "/weights"]
    sleep = ["python3", "-c", "import signal; signal.sigwait([signal.SIGTERM])"]
    _apply(
        target,
        *checkobjects.volume(workers),
        checkobjects.service(),
        checkobjects.pod("server", image, workers[0], serve, claim=NAMESPACE),
        checkobjects.pod("friend", image, workers[-1], sleep),
        *(checkobjects.pod(name, image, worker, sleep) for name, worker in zip(STRANGERS, workers, strict=True)),
    )


def _fake_pod(target: Cluster) -> None:
    nodes = pools.nvidia_h100(1, NAMESPACE)
    pools.apply(target.kubectl, nodes)
    pod = checkobjects.pod("on-gpu", "no.such/image", nodes[0]["metadata"]["name"], ["serve"])
    pod["spec"]["tolerations"] = [pools.TOLERATION]
    pod["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "8"}}
    _apply(target, pod)
    wait = ("wait", "pod/on-gpu", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=30s")
    if not succeeds(target.kubectl(*wait), timeout=40):
        raise StepError(output(target.kubectl("describe", "pod", "on-gpu", "-n", NAMESPACE)))
