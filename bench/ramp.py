"""One replica, several, and one again under a ramp: llama.cpp pods, a real Prometheus, another project's generator.

``python -m bench.ramp``: about ten minutes on kind. Chats go through the gateway. Three generators overlap, so that the
rate rises in two steps and falls in two. Printed: every change of the fleet, failed requests and first tokens. Targets:
no request fails, and after the first start-up 99 % have their first token in time, as the gateway counts; the
generator's own first tokens are all printed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.generator import Door, Generator, Load, start
from tests.conftest import make_namespace, remove_namespace
from tests.e2e import gguf
from tests.e2e.tenants import SYSTEM, front_door, key_secret, new_key, tenant, wait_tenant
from tests.kind import prometheus
from tests.kube import Kube

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = NAMESPACE = "bench-ramp"
MODEL = "bench-ramp"
MOST = 4
TARGET_SECONDS, TARGET_SHARE = 2.0, 0.99
CAPACITY = {"inputTokensPerSecond": 2000, "outputTokensPerSecond": 64}
"""One request of 64 tokens keeps a replica for a second, whatever this machine could do: four share its cores."""
INPUT, OUTPUT = 16, 64
ARRIVED, LATE = "requests_arrived", "first_token_missed"
STEPS = ((0.0, 540.0, 0.4), (60.0, 180.0, 0.9), (120.0, 90.0, 0.9))
"""Start, length in seconds and requests per second of each generator: 0.4, 1.3, 2.2, 1.3 and 0.4 in all."""
LONGEST_SECONDS = 420.0
"""For the fleet to be one replica again after the last generator."""


@dataclass
class Watch:
    """The fleet, looked at until it is one replica again."""

    kube: Kube
    began: float = field(default_factory=time.monotonic)
    seen: list[tuple[float, int, int]] = field(default_factory=list)
    """Seconds, replicas asked for, replicas ready; one row per change."""

    @property
    def first_start(self) -> float | None:
        """Seconds until the second replica was ready; None: it never was."""
        return next((moment for moment, _, ready in self.seen if ready > 1), None)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def look(self) -> tuple[int, int]:
        """Replicas asked for and ready; a change is printed."""
        children = self.kube.list("deployments", NAMESPACE, f"serving.qwen3.io/deployment={NAME}")
        asked = sum(child["spec"]["replicas"] for child in children)
        ready = sum(child["status"].get("readyReplicas", 0) for child in children)
        if not self.seen or self.seen[-1][1:] != (asked, ready):
            self.seen.append((self.now, asked, ready))
            print(f"{self.now:>8.0f} s  {asked} asked for, {ready} ready", flush=True)
        return asked, ready

    def until(self, moment: float) -> None:
        """Look every two seconds."""
        while self.now < moment:
            self.look()
            time.sleep(2)


def main() -> int:
    """Print the ramp; the exit status says whether it ran."""
    kubeconfig = Path(os.environ["QWEN3_TEST_KUBECONFIG"])
    platform: dict[str, str] = json.loads((kubeconfig.parent / "platform.json").read_text())
    kube, key = Kube(kubeconfig, Path(platform["kubectl"])), new_key()
    make_namespace(kube, NAMESPACE, gguf.folder(platform))
    try:
        scaling = {"mode": "Auto", "minReplicas": 1, "maxReplicas": MOST, "replicaCapacity": CAPACITY}
        offered = {"slo": {"timeToFirstToken": f"{TARGET_SECONDS:g}s"}, "tenants": {"allowed": {"names": [NAME]}}}
        served = gguf.served_by_llama_cpp(NAME, NAMESPACE, gguf.image(platform), scaling=scaling, **offered)
        served["spec"]["model"]["servedName"] = MODEL
        kube.apply(served, key_secret(NAME, key=key), tenant(NAME, [MODEL]))
        kube.wait_condition(NAME, NAMESPACE, "Ready", "True", timeout=240)
        wait_tenant(kube, NAME)
        with front_door(kube) as url, tempfile.TemporaryDirectory() as folder:
            _ramp(Watch(kube), platform, Path(folder), Door(url, MODEL, key))
    finally:
        for kind in ("q3t", "secret"):
            kube.run("delete", kind, NAME, "-n", SYSTEM, "--ignore-not-found")
        remove_namespace(kube, NAMESPACE)
    return 0


def _ramp(watch: Watch, platform: Mapping[str, str], folder: Path, door: Door) -> None:
    running: list[Generator] = []
    for number, (begin, seconds, rate) in enumerate(STEPS):
        watch.until(begin)
        print(f"{watch.now:>8.0f} s  {rate:g} requests a second more, for {seconds:.0f} s", flush=True)
        load = Load(rate, seconds, INPUT, OUTPUT, seed=number + 1)
        running.append(start(platform, folder, door, load, f"step-{number}"))
    last = STEPS[0][1]
    watch.until(last)
    while watch.look() != (1, 1) and watch.now < last + LONGEST_SECONDS:
        time.sleep(2)
    _report(watch.seen, running)
    _report_after_first_start(watch)


def _report(seen: Sequence[tuple[float, int, int]], running: Sequence[Generator]) -> None:
    outcomes = [generator.outcome(timeout=120) for generator in running]
    errors = [error for outcome in outcomes for error in outcome.errors]
    times = sorted(seconds for outcome in outcomes for seconds in outcome.first_token_seconds)
    total = len(times) + len(errors)
    print(f"failed: {len(errors)} of {total} requests (target 0)")
    for error in errors[:5]:
        print(f"  {error[:300]}")
    met = sum(seconds <= TARGET_SECONDS for seconds in times)
    percentiles = ", ".join(
        f"p{part} {times[min(len(times) - 1, len(times) * part // 100)] * 1e3:.0f} ms" for part in (50, 95, 99)
    )
    print(f"first token: {percentiles}; within {TARGET_SECONDS:g} s {met / total:.2%} of all")
    most = max(ready for _, _, ready in seen)
    print(f"replicas: {seen[0][2]} at first, at most {most} ready, {seen[-1][2]} at {seen[-1][0]:.0f} s")


def _report_after_first_start(watch: Watch) -> None:
    if watch.first_start is None:
        print("no second replica was ever ready")
        return
    since = time.time() - watch.now + watch.first_start
    arrived, late = (_increase(watch.kube, f"qwen3_gateway_{name}_total", since) for name in (ARRIVED, LATE))
    share = 1 - late / arrived
    print(
        f"from the second replica on: {late:.0f} of {arrived:.0f} requests later than {TARGET_SECONDS:g} s, "
        f"{share:.2%} in time (target {TARGET_SHARE:.0%})"
    )


def _increase(kube: Kube, series: str, since: float) -> float:
    """By how much a counter of all gateways has grown; none of them began anew."""
    query = f'sum({series}{{model="{MODEL}"}})'
    values = []
    for moment in (since, time.time()):
        [found] = prometheus.ask(kube, SYSTEM, "query", query=query, time=str(moment))["result"]
        values.append(float(found["value"][1]))
    return values[1] - values[0]


if __name__ == "__main__":
    sys.exit(main())
