"""SGLang's own parser takes the command line of every golden plan, full names only, without a word of deprecation."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.manifests.runtime import runtime_config
from qwen3_runtime.config import Engine
from qwen3_runtime.engines import ADAPTERS
from tests.engine.places import find_old_engine
from tests.engine.test_arguments import PARSE, VERSION
from tests.kind import oldengine
from tests.patience import HANG_SECONDS
from tests.unit.sizing.given import CATALOG, LIBRARY, spec
from tests.unit.sizing.test_golden import CASES, answer

if TYPE_CHECKING:
    from pathlib import Path

    from qwen3_runtime.config import RuntimeConfig


# transformers knows a model by now that SGLang 0.5.16 registers itself.
OLD_REGISTERS_TWICE = """
import functools, transformers
transformers.AutoConfig.register = functools.partial(transformers.AutoConfig.register, exist_ok=True)
"""


def configurations() -> dict[str, RuntimeConfig]:
    """Of every pod that a golden plan for SGLang makes, by the case's name and the pool."""
    found: dict[str, RuntimeConfig] = {}
    for case in CASES:
        plan = answer(case)
        if not isinstance(plan, PlanStatus):
            continue
        asked = spec(**{**case["spec"], "model": {"source": LIBRARY, **case["spec"]["model"]}})
        for placement in plan.placements:
            config = runtime_config(asked, plan, placement, CATALOG)
            if config.engine is Engine.SGLANG:
                found[f"{case['name']}, {placement.pool}"] = config
    return found


def arguments(config: RuntimeConfig, version: tuple[int, ...]) -> list[str]:
    """The engine's own, without what starts it."""
    words = list(ADAPTERS[Engine.SGLANG].command(config, 30000, version).arguments)
    return words[words.index("--model-path") :]


def parsed(engine_python: Path, lines: list[list[str]], *, old_engine: Path | None = None) -> list[dict[str, Any]]:
    """What the engine's own parser makes of each command line; it must not say a word meanwhile."""
    # The engine's environment as the image sets it, without the packages of the tests.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(engine_python), "-c", f"{OLD_REGISTERS_TWICE}{PARSE}" if old_engine else PARSE],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        env=environment | ({"PYTHONPATH": str(old_engine)} if old_engine else {}),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    while_parsing = done.stderr.split("BEGIN", 1)[1]
    assert not while_parsing.replace("BEGIN", "").strip(), "the parser complained"
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_golden_plan_parses(engine_python: Path) -> None:
    configs = configurations()
    assert len(configs) > 30
    entries = parsed(engine_python, [arguments(config, VERSION) for config in configs.values()])
    for (name, config), entry in zip(configs.items(), entries, strict=True):
        assert entry["tp_size"] == config.parallelism.tensor_parallel, name
        assert entry["ep_size"] == config.parallelism.expert_parallel, name
        assert entry["attn_dp_size"] == (config.parallelism.data_parallel or 1), name
        assert entry["context_length"] == config.limits.context_length, name


def test_every_golden_plan_parses_under_the_version_of_ascend_images(engine_python: Path) -> None:
    configs = configurations()
    lines = [arguments(config, oldengine.VERSION) for config in configs.values()]
    entries = parsed(engine_python, lines, old_engine=find_old_engine())
    for (name, config), entry in zip(configs.items(), entries, strict=True):
        groups = config.parallelism.data_parallel or 1
        assert entry["tp_size"] == config.parallelism.tensor_parallel, name
        assert entry["ep_size"] == config.parallelism.expert_parallel, name
        assert (entry["dp_size"], entry["enable_dp_attention"]) == (groups, groups > 1), name
        assert entry["device"] == config.device, name
