"""When the demo may say that its deployment serves, and what it says to try next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.kind.demo import next_lines
from tests.kind.newest import serves_newest
from tests.kube import Kube

WISH = "2026-11-24T12:00:00+00:00"
SETTLED = {"replanned": WISH, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}


def found(status: dict[str, Any], *, ready: str = "True", observed: int = 3) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "observedGeneration": observed, "reason": "Serving"}
    return {"metadata": {"generation": 3}, "status": {**status, "conditions": [condition]}}


def test_the_newest_pods_serve_alone() -> None:
    assert serves_newest(found(SETTLED), WISH)


@pytest.mark.parametrize(
    "early",
    [
        {"metadata": {"generation": 3}},
        found(SETTLED | {"replanned": "an earlier wish"}),
        found(SETTLED, ready="False"),
        found(SETTLED, observed=2),
        found(SETTLED | {"replicas": 2, "readyReplicas": 2}),
        found(SETTLED | {"replicas": 2}),
    ],
    ids=[
        "no status",
        "not seen by the newest operator",
        "not ready",
        "older spec",
        "old pod serves",
        "old pod is there",
    ],
)
def test_too_early(early: dict[str, Any]) -> None:
    assert not serves_newest(early, WISH)


def test_each_line_is_shell_and_names_what_there_is() -> None:
    lines = next_lines(Kube(Path("/cache/kubeconfig"), Path("/tools/kubectl")), Path("/helm/helm"))
    assert lines[0] == "export KUBECONFIG=/cache/kubeconfig"
    assert "/tools:/helm:$PATH" in lines[1], "a plugin runs only without flags before its name"
    words = [shlex.split(line, comments=True) for line in lines]
    assert ["kubectl", "qwen3", "explain", "tiny", "-n", "demo"] in words
    files = {word for line in words for word in line if word.startswith("docs/")}
    assert files
    assert all(Path(file).is_file() for file in files)
