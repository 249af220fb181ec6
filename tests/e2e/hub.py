"""The stand-in of a hub as a pod, from its own sources: large files come from another origin, as on the real one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.load import PYTHON
from tests.objects import RESTRICTED

if TYPE_CHECKING:
    from tests.kube import Kube, Object

NAME, CDN, PORT = "hub", "hub-cdn", 8000
URL = f"http://{NAME}:{PORT}"
"""For pods of the same namespace."""
TOKEN_SECRET = "hub-token"  # noqa: S105 - a name
_SOURCES = Path(__file__).parents[1] / "hub"
_MODEL = "/model"


def objects(namespace: str, image: str, *, repository: str, token: str, gate: int) -> list[Object]:
    """It serves the claim ``weights``; of the contents only ``gate`` bytes until `open_gate`."""
    sources = {path.name: path.read_text() for path in sorted(_SOURCES.glob("*.py"))}
    options = ["--port", str(PORT), "--token", token, "--large-files", f"http://{CDN}:{PORT}", "--gate", str(gate)]
    container = {
        "name": NAME,
        "image": image,
        "command": [PYTHON, "-m", "tests.hub", repository, _MODEL, *options],
        "workingDir": "/src",
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "sources", "mountPath": "/src/tests/hub", "readOnly": True},
            {"name": "model", "mountPath": _MODEL, "readOnly": True},
        ],
        "securityContext": RESTRICTED,
    }
    spec = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [
            {"name": "sources", "configMap": {"name": NAME}},
            {"name": "model", "persistentVolumeClaim": {"claimName": "weights"}},
        ],
    }
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(NAME, namespace), "data": sources}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": _metadata(NAME, namespace), "spec": spec}
    return [config_map, pod, *(_service(name, namespace) for name in (NAME, CDN))]


def start(kube: Kube, namespace: str, image: str, *, repository: str, token: str, gate: int) -> None:
    """Wait until it answers; the token is in the Secret ``hub-token``, too."""
    kube.apply(*objects(namespace, image, repository=repository, token=token, gate=gate))
    metadata = _metadata(TOKEN_SECRET, namespace)
    kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": token}})
    kube.run("wait", "pod", NAME, "-n", namespace, "--for=condition=Ready", "--timeout=60s", timeout=70)


def open_gate(kube: Kube, namespace: str) -> None:
    """Everything may be fetched from now on; what waited is cut."""
    signal = "import os, signal; os.kill(1, signal.SIGUSR1)"
    kube.run("exec", NAME, "-n", namespace, "--", PYTHON, "-c", signal)


def _service(name: str, namespace: str) -> Object:
    spec = {"selector": {"app": NAME}, "ports": [{"port": PORT}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name, namespace), "spec": spec}


def _metadata(name: str, namespace: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace, "labels": {"app": NAME}}
