from __future__ import annotations

import csv
from pathlib import Path

import pytest

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import load_catalog
from qwen3_operator.sizing.validity import card_problem, device_problem, shape_problem

CATALOG = load_catalog()
# 240 rows computed from the published shapes and the rules seen in sglang 0.5.23; the file says how.
TABLE = Path(__file__).parent / "data" / "tp_validity.csv"
FORMATS = {
    "BF16": Quantization.BF16,
    "FP8-block128": Quantization.FP8,
    "INT4-g128 (AWQ/GPTQ)": Quantization.AWQ_INT4,
    "INT8-W8A8 per-channel": Quantization.W8A8,
}


def rows() -> list[dict[str, str]]:
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_shapes_agree_with_the_table() -> None:
    table = rows()
    assert len(table) == 240
    for row in table:
        form = CATALOG.quantizations[FORMATS[row["quant"]]]
        problem = shape_problem(CATALOG.models[row["model"]], form, int(row["tp"]), int(row["ep"]))
        assert (problem is None) == (row["valid"] == "yes"), (row, problem)


def test_kv_heads_per_device_agree_with_the_table() -> None:
    for row in rows():
        model = CATALOG.models[row["model"]]
        held = model.kv_bytes_per_token(int(row["tp"])) / (model.kv_bytes_per_token(1) / model.kv_heads)
        if row["valid"] == "yes":
            assert held == int(row["kv_heads_per_gpu"]), row


@pytest.mark.parametrize(
    ("model", "form", "size", "experts", "text"),
    [
        ("Qwen3-14B", "BF16", 16, 1, "40 attention heads by TP 16"),
        ("Qwen3-4B", "FP8", 8, 1, "9728 / 8 = 1216 is no multiple of 128"),
        ("Qwen3-235B-A22B", "FP8", 8, 1, "1536 / 8 = 192 is no multiple of 128"),
        ("Qwen3-30B-A3B", "FP8", 4, 1, "768 / 4 = 192 is no multiple of 128"),
        ("Qwen3-30B-A3B", "BF16", 2, 4, "128 experts, TP 2 by EP 4"),
        ("Qwen3-8B", "BF16", 2, 2, "1 experts, TP 2 by EP 2"),
    ],
)
def test_problems_carry_their_numbers(model: str, form: str, size: int, experts: int, text: str) -> None:
    problem = shape_problem(CATALOG.models[model], CATALOG.quantizations[Quantization(form)], size, experts)
    assert problem is not None
    assert problem.number == text


@pytest.mark.parametrize(
    ("accelerator", "form", "text"),
    [
        ("H100-SXM", "FP8", ""),
        ("L40S", "FP8", ""),
        ("A100-SXM4-80GB", "FP8", "FP8 needs compute capability 8.9, has 8.0"),
        ("A100-SXM4-80GB", "AWQ-INT4", ""),
        # SGLang computes in FP16 where a device has no BF16.
        ("T4", "BF16", ""),
        ("T4", "AWQ-INT4", "AWQ-INT4 needs compute capability 8.0, has 7.5"),
        ("H100-SXM", "GGUF-Q8_0", "SGLang does not run GGUF-Q8_0 on Hopper"),
        ("H100-SXM", "W8A8", "W8A8 runs on npu devices only"),
        ("Ascend-910B3", "W8A8", ""),
        ("Ascend-910B3", "BF16", ""),
        ("Ascend-910B3", "FP8", "FP8 runs on cuda devices only"),
        ("Ascend-910C", "FP8", "FP8 runs on cuda devices only"),
        ("Ascend-310P3", "W8A8", "SGLang supports only Atlas A2 (910B) and A3 (910C)"),
        ("CPU", "FP8", "FP8 runs on cuda devices only"),
        ("CPU", "BF16", ""),
    ],
)
def test_devices(accelerator: str, form: str, text: str) -> None:
    row, engine = CATALOG.accelerators[accelerator], CATALOG.engine
    problem = device_problem(row, CATALOG.quantizations[Quantization(form)], engine)
    assert (problem.number if problem else "") == text


def test_dies_come_in_pairs() -> None:
    assert card_problem(CATALOG.accelerators["Ascend-910C"], 1) is not None
    assert card_problem(CATALOG.accelerators["Ascend-910C"], 2) is None
    assert card_problem(CATALOG.accelerators["Ascend-910B3"], 1) is None
