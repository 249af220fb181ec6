"""``models`` and ``accelerators``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from qwen3_operator.catalog import load_catalog
from qwen3_operator.cli.main import MODULES
from tests.unit.cli.samples import ROOT, run, written

if TYPE_CHECKING:
    from pathlib import Path

_OWN = """
kind: ConfigMap
data:
  accelerators.yaml: |
    accelerators:
      - {name: Mine, vendor: NVIDIA, family: Ada, device: cuda, memoryMiB: 1024, nodes: [], known: unknown, source: s}
"""


def _listed(*arguments: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(run(*arguments, "-o", "json").stdout)}


def _first_words(*arguments: str) -> set[str]:
    return {line.split()[0] for line in run(*arguments).stdout.splitlines() if not line.startswith(" ")}


def test_every_name_is_listed_and_planned_with() -> None:
    catalog = load_catalog()
    assert set(_listed("models")) == set(catalog.models) == _first_words("models") - {"MODEL"}
    devices = set(catalog.accelerators) - {"CPU"}
    assert set(_listed("accelerators")) == devices == _first_words("accelerators") - {"ACCELERATOR"}


def test_what_is_known_of_them() -> None:
    model = _listed("models")["Qwen3-30B-A3B"]
    assert model["activeParameters"] < model["parameters"] / 5
    assert "FP8" in model["quantizations"]
    devices = _listed("accelerators")
    speeds = {name: devices[name]["speed"] for name in ("H100-SXM", "H200-NVL", "Ascend-910B3", "Ascend-310P3")}
    assert list(speeds.values()) == ["predicted", "unknown", "unknown", "not served"]


def test_rows_of_an_administrator_are_listed_too(tmp_path: Path) -> None:
    file = written(tmp_path, "catalog.yaml", _OWN)
    assert _listed("accelerators", "--catalog", file)["Mine"]["speed"] == "unknown"
    assert "Mine" in _first_words("accelerators", "--catalog", file)


def test_commands_are_imported_when_they_are_asked_for() -> None:
    script = "import sys, qwen3_operator.cli.main; print({'numpy', 'cel', 'kubernetes'} & sys.modules.keys())"
    path = {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'runtime'}"}
    done = subprocess.run([sys.executable, "-c", script], env=path, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_help_lists_every_command_and_the_version_is_told() -> None:
    listed = run("--help").stdout
    assert [line.split()[0] for line in listed.partition("Commands:")[2].splitlines() if line] == list(MODULES)
    assert re.fullmatch(r"qwen3-serving \d+\.\d+\S*\n", run("--version").stdout)
    assert "No such command 'plans'" in run("plans").stderr
