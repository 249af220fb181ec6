"""The operator with a clock that a test sets."""

from __future__ import annotations

import base64
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tests.e2e.tenants import SYSTEM
from tests.kind import shiftedclock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kube import Kube

OPERATOR = "deployment/qwen3-operator"
NAME = "shifted-clock"
_WRITE = f"import sys; open({shiftedclock.OFFSET!r}, 'w').write(sys.argv[1])"


@contextmanager
def movable(kube: Kube) -> Iterator[Callable[[int], None]]:
    """A function that puts the operator's clock so many seconds ahead of the cluster's, or behind."""
    with tempfile.TemporaryDirectory() as folder:
        library = base64.b64encode(shiftedclock.build(Path(folder)).read_bytes()).decode()
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": SYSTEM}}
    kube.apply(config_map | {"binaryData": {"clock.so": library}})
    container = {
        "name": "operator",
        "env": [{"name": "LD_PRELOAD", "value": "/preload/clock.so"}],
        "volumeMounts": [
            {"name": "preload", "mountPath": "/preload"},
            {"name": "clock", "mountPath": str(PurePosixPath(shiftedclock.OFFSET).parent)},
        ],
    }
    volumes = [{"name": "preload", "configMap": {"name": NAME}}, {"name": "clock", "emptyDir": {}}]
    patch = {"spec": {"template": {"spec": {"containers": [container], "volumes": volumes}}}}
    kube.run("patch", OPERATOR, "-n", SYSTEM, "--type=strategic", "-p", json.dumps(patch))
    try:
        _rolled_out(kube)
        yield lambda seconds: _set(kube, seconds)
    finally:
        kube.run("rollout", "undo", OPERATOR, "-n", SYSTEM)
        _rolled_out(kube)
        kube.run("delete", "configmap", NAME, "-n", SYSTEM)


def _set(kube: Kube, seconds: int) -> None:
    kube.run("exec", OPERATOR, "-n", SYSTEM, "--", "python", "-c", _WRITE, f"{seconds:+d}")


def _rolled_out(kube: Kube) -> None:
    kube.run("rollout", "status", OPERATOR, "-n", SYSTEM, "--timeout=120s", timeout=130)
