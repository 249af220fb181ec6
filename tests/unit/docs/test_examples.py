"""Every example is a valid object and has a plan on a cluster that it is meant for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.api.status import PlanStatus
from qwen3_operator.cli.rules import broken_rules
from qwen3_operator.inventory import inventory
from qwen3_operator.sizing import plan
from tests.unit.inventory.objects import gpu_node, node, npu_node
from tests.unit.sizing.given import CATALOG

EXAMPLES = sorted((Path(__file__).parents[3] / "docs" / "examples").glob("*.yaml"))
CLUSTER = [gpu_node("g"), npu_node("n"), node("c")]
PLACED = {
    "best-chat-model.yaml": [("H100-SXM", "BF16")],
    "hpa.yaml": [("H100-SXM", "BF16")],
    "qwen3-32b-ascend.yaml": [("Ascend-910B3", "W8A8")],
    "qwen3-32b-gpu-and-ascend.yaml": [("H100-SXM", "FP8"), ("Ascend-910B3", "W8A8")],
    "qwen3-32b-gpu.yaml": [("H100-SXM", "BF16")],
    "qwen3-32b-slo.yaml": [("H100-SXM", "FP8")],
    "qwen3-8b-adapters.yaml": [("H100-SXM", "BF16")],
    "qwen3-8b-hugging-face.yaml": [("H100-SXM", "BF16")],
    "qwen3-tiny.yaml": [("CPU", "BF16")],
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example(path: Path) -> None:
    [made] = [found for found in yaml.safe_load_all(path.read_text()) if found["kind"] == "Qwen3Deployment"]
    assert broken_rules(made) == []
    taken = CLUSTER[2:] if path.name == "qwen3-tiny.yaml" else CLUSTER
    answer = plan(DeploymentSpec.model_validate(made["spec"]), inventory(taken, [], CATALOG), CATALOG)
    assert isinstance(answer, PlanStatus), answer
    assert [(placed.accelerator, placed.quantization) for placed in answer.placements] == PLACED[path.name]
