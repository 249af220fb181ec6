"""How many candidates the planner judges per second on one core, and how it grows with pools and models.

Baseline, in the same run: the same planner asked once per pool, so that pools share nothing.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.api.deployment import DeploymentSpec, UseCase
from qwen3_operator.catalog import load_catalog
from qwen3_operator.inventory import Inventory, NodeRoom, Pool
from qwen3_operator.sizing import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.catalog import Accelerator, Catalog

TARGET_PER_SECOND = 10_000
TARGET_SECONDS = 2.0
RUNS = 3
_SHARED, _ALONE = 1000, 40


class Run(NamedTuple):
    """One measurement: the fastest of a few, in processor seconds."""

    seconds: float
    candidates: int
    """Pairs of pool and option that were chosen or rejected."""
    options: int
    """Evaluations behind them: pools of one kind share these."""


def main() -> int:
    """Print rates and growth; the exit status never says whether a target was met."""
    catalog = for_chat(load_catalog())
    asked = spec("Auto")
    measure(catalog, asked, 1)  # imports and caches
    print(f"{'pools':>6}{'models':>8}{'candidates':>12}{'seconds':>9}{'candidates/s':>14}{'evaluations/s':>15}")
    for pools in (1, 10, 100, 1000):
        _print(pools, str(len(catalog.models)), measure(catalog, asked, pools))
    for count in (1, 5, 10, 20):
        _print(100, str(count), models(catalog, count))
    whole = measure(catalog, asked, _SHARED)
    print(f"1,000 pools x all {len(catalog.models)} models: {whole.seconds:.2f} s, target {TARGET_SECONDS:g} s, ratio "
          f"{whole.seconds / TARGET_SECONDS:.2f}")  # fmt: skip
    rate = whole.options / whole.seconds
    print(f"evaluations per second: {rate:.0f}, target {TARGET_PER_SECOND}, ratio {rate / TARGET_PER_SECOND:.2f}")
    together, apart = measure(catalog, asked, _ALONE), alone(catalog, asked, _ALONE)
    print(f"{_ALONE} pools together {together.seconds:.2f} s, one by one {apart.seconds:.2f} s: "
          f"ratio {apart.seconds / together.seconds:.1f}")  # fmt: skip
    return 0


def for_chat(catalog: Catalog) -> Catalog:
    """The catalog with every model made one to chat with, so that one plan looks at all of them."""
    models = {name: row.model_copy(update={"use_cases": (UseCase.CHAT,)}) for name, row in catalog.models.items()}
    return replace(catalog, models=models)


def spec(model: str) -> DeploymentSpec:
    """64 users with targets for both times, from a library of all weights."""
    source = {"persistentVolumeClaim": {"claimName": "library", "path": "{model}-{quantization}"}}
    return DeploymentSpec.model_validate(
        {
            "model": {"name": model, "source": source},
            "workload": {
                "concurrency": 64,
                "inputTokens": {"p50": 1500, "p95": 3000},
                "outputTokens": {"p50": 500, "p95": 1000},
            },
            "slo": {"timeToFirstToken": "2s", "timePerOutputToken": "50ms"},
        }
    )


def cluster(catalog: Catalog, count: int) -> Inventory:
    """Pools of all served accelerators in turn, two nodes of eight devices each, at seven prices."""
    served = [row for row in catalog.accelerators.values() if row.device != "cpu" and not row.not_served]
    return Inventory({pool.name: pool for pool in (_pool(served, number) for number in range(count))})


def measure(catalog: Catalog, asked: DeploymentSpec, pools: int) -> Run:
    """One plan over so many pools."""
    found = cluster(catalog, pools)
    seconds = []
    for _ in range(RUNS):
        began = time.process_time()
        evaluate(asked, found, catalog)
        seconds.append(time.process_time() - began)
    answer = evaluate(asked, found, catalog)
    groups = answer.field.groups if answer.field else ()
    candidates = sum(len(group.choices) * len(group.pools) for group in groups)
    return Run(min(seconds), candidates, sum(len(group.choices) for group in groups))


def models(catalog: Catalog, count: int) -> Run:
    """Plans for so many models by name, over a hundred pools."""
    names = list(catalog.models)[:count]
    runs = [measure(catalog, spec(name), 100) for name in names]
    return Run(*(sum(column) for column in zip(*runs, strict=True)))


def alone(catalog: Catalog, asked: DeploymentSpec, count: int) -> Run:
    """A plan for every pool on its own."""
    pools = cluster(catalog, count).pools
    began = time.process_time()
    for name, pool in pools.items():
        evaluate(asked, Inventory({name: pool}), catalog)
    return Run(time.process_time() - began, 0, 0)


def _pool(served: Sequence[Accelerator], number: int) -> Pool:
    row = served[number % len(served)]
    nodes = tuple(NodeRoom(f"n{number}-{node}", 8, 1 << 41, 8, 192_000, 1 << 41) for node in range(2))
    price = Decimal(1 + number % 7)
    return Pool(f"p{number}", row, "nvidia.com/gpu", "amd64", row.memory_bytes, nodes, {}, (), (), price)


def _print(pools: int, models: str, run: Run) -> None:
    per_second, evaluations = run.candidates / run.seconds, run.options / run.seconds
    print(f"{pools:>6}{models:>8}{run.candidates:>12}{run.seconds:>9.2f}{per_second:>14.0f}{evaluations:>15.0f}")


if __name__ == "__main__":
    sys.exit(main())
