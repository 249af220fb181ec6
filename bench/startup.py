"""From ``kubectl apply`` to Ready with the tiny model on a warm cluster, phase by phase. Target: below 60 s."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.conftest import make_namespace, remove_namespace
from tests.kube import Kube
from tests.objects import deployment

TARGET_SECONDS = 60
RUNS = 3


def main() -> int:
    """Print one line per phase with the median and spread of a few runs."""
    kubeconfig = Path(os.environ["QWEN3_TEST_KUBECONFIG"])
    made = json.loads((kubeconfig.parent / "platform.json").read_text())
    kube = Kube(kubeconfig, Path(made["kubectl"]))
    make_namespace(kube, "bench-startup", made["modelFolder"])
    try:
        runs = [_run(kube, f"run-{number}") for number in range(RUNS)]
    finally:
        remove_namespace(kube, "bench-startup")
    print(f"{'phase ends, seconds after apply':<34}{'median':>8}{'min':>8}{'max':>8}")
    for phase in runs[0]:
        values = [run[phase] for run in runs if phase in run]
        print(f"{phase:<34}{statistics.median(values):>8.1f}{min(values):>8.1f}{max(values):>8.1f}")
    ready = statistics.median(run["Ready seen by kubectl"] for run in runs)
    print(f"apply to Ready: {ready:.1f} s, target {TARGET_SECONDS} s, ratio {ready / TARGET_SECONDS:.2f}")
    return 0


def _run(kube: Kube, name: str) -> dict[str, float]:
    """Seconds from apply to the end of each phase."""
    wall, began = time.time(), time.monotonic()
    kube.apply(deployment(name, "bench-startup"))
    kube.wait_condition(name, "bench-startup", "Ready", "True", timeout=300)
    took = time.monotonic() - began
    startup: list[dict[str, Any]] = kube.get("q3d", name, "bench-startup")["status"]["startup"]
    kube.run("delete", "q3d", name, "-n", "bench-startup")
    ends = {
        p["phase"]: datetime.fromisoformat(p["finishedAt"]).timestamp() - wall for p in startup if "finishedAt" in p
    }
    return {**ends, "Ready seen by kubectl": took}


if __name__ == "__main__":
    sys.exit(main())
