"""Rows in, rows with predictions out."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_operator.catalog import load_catalog
from qwen3_operator.sizing.names import ACCELERATORS_COMMAND, MODELS_COMMAND, nearest
from qwen3_operator.sizing.rows import COLUMNS, predict_rows

CATALOG = load_catalog()


def predicted(**cells: Any) -> dict[str, str]:
    row = {"model": "Qwen3-8B", "accelerator": "H100-SXM"} | cells
    return predict_rows([{key: str(value) for key, value in row.items()}], CATALOG)[0]


def test_a_row_with_defaults() -> None:
    found = predicted()
    assert set(COLUMNS) < set(found)
    assert found["valid"] == "true"
    assert found["source"] == "measured"
    assert predicted(model="Qwen3-235B-A22B", tensor_parallel=1)["source"] == "calculated", "it does not run"
    assert float(found["ttft_ms"]) > 0
    seconds = (float(found["ttft_ms"]) + 1023 * float(found["tpot_ms"])) / 1e3
    assert float(found["request_tokens_per_s"]) == pytest.approx(2048 / seconds, rel=1e-3)
    assert float(found["output_tokens_per_s"]) == pytest.approx(1024 / seconds, rel=1e-3)


def test_a_model_that_embeds_writes_no_tokens() -> None:
    found = predicted(model="Qwen3-Embedding-8B", input_tokens=1000, output_tokens=5000)
    assert (found["valid"], found["source"]) == ("true", "calculated")
    assert (found["tpot_ms"], found["output_tokens_per_s"]) == ("", "")
    assert float(found["ttft_ms"]) > 0
    assert found["ttft_ms"] == predicted(model="Qwen3-Embedding-8B", input_tokens=1000)["ttft_ms"]


def test_memory_is_counted_once_whatever_the_devices() -> None:
    one, two = (
        predicted(model="Qwen3-32B", accelerator="H200-SXM"),
        predicted(model="Qwen3-32B", accelerator="H200-SXM", tensor_parallel=2),
    )
    assert one["weights_gib"] == two["weights_gib"] == "61.039"
    assert float(one["kv_gib_per_1k_tokens"]) == pytest.approx(262144 * 1000 / 2**30, abs=1e-5)
    assert int(two["max_kv_tokens"]) > int(one["max_kv_tokens"])


@pytest.mark.parametrize(
    ("cells", "as_if"),
    [
        ({"accelerator": "h100_sxm"}, {}),
        ({"accelerator": "h100-sxm"}, {}),
        ({"accelerator": "NVIDIA-H100-80GB-HBM3"}, {}),
        ({"accelerator": "nvidia-h20"}, {"accelerator": "H20"}),
        ({"engine": "sglang", "quantization": "bf16"}, {"engine": "SGLang", "quantization": "BF16"}),
        ({"engine": "transformers"}, {"engine": "Transformers"}),
        ({"engine": "llama.cpp"}, {"engine": "LlamaCpp"}),
        ({"model": "Qwen/Qwen3-8B-FP8"}, {"quantization": "FP8"}),
        ({"model": "Qwen/Qwen3-8B-AWQ"}, {"quantization": "AWQ-INT4"}),
        ({"model": "Qwen3-0.6B", "quantization": "GPTQ-Int8"}, {"model": "Qwen3-0.6B", "quantization": "GPTQ-INT8"}),
        ({"tensor_parallel": "", "moe_tensor_parallel": "1", "data_parallel": " "}, {}),
    ],
)
def test_names_of_measurements_are_understood(cells: dict[str, str], as_if: dict[str, str]) -> None:
    found, same = predicted(**cells), predicted(**as_if)
    assert {key: found[key] for key in COLUMNS} == {key: same[key] for key in COLUMNS}


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"model": "Qwen9-1B"}, "model 'Qwen9-1B' is not known"),
        ({"accelerator": "huawei-npu"}, "accelerator 'huawei-npu' is not known"),
        ({"accelerator": "H1000"}, "accelerator 'H1000' is not known: did you mean"),
        ({"engine": "ollama"}, "engine 'ollama' is not known"),
        ({"quantization": "int3"}, "quantization 'int3' is not known"),
        ({"tensor_parallel": "two"}, "tensor_parallel 'two' is no number"),
        ({"concurrency": "nan"}, "concurrency 'nan' is no whole number"),
        ({"concurrency": "inf"}, "concurrency 'inf' is no whole number"),
        *(
            ({column: text}, f"{column} {text!r} is no whole number of at least 1")
            for column in (
                *("tensor_parallel", "moe_tensor_parallel", "expert_parallel", "data_parallel"),
                *("input_tokens", "output_tokens", "concurrency"),
            )
            for text in ("0", "-5", "1.5")
        ),
    ],
)
def test_a_row_that_cannot_be_judged_says_so_and_the_others_go_on(cells: dict[str, str], says: str) -> None:
    good = {"model": "Qwen3-8B", "accelerator": "H100-SXM"}
    bad, found = predict_rows([good | cells, good], CATALOG)
    assert bad["valid"] == "unknown"
    assert says in bad["reason"]
    assert bad["ttft_ms"] == ""
    assert found["valid"] == "true"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (
            {"model": "Qwen3-235B-A22B", "accelerator": "H200-SXM", "quantization": "FP8", "tensor_parallel": "8"},
            "Block",
        ),
        ({"model": "Qwen3-14B", "tensor_parallel": "16"}, "HeadsNotDivisible"),
        ({"accelerator": "T4", "quantization": "FP8"}, "QuantizationUnsupported"),
        ({"model": "Qwen3-30B-A3B", "tensor_parallel": "4", "moe_tensor_parallel": "8"}, "ExpertsNotDivisible"),
    ],
)
def test_what_the_engine_refuses_has_a_reason_and_no_speed(cells: dict[str, str], reason: str) -> None:
    found = predicted(**cells)
    assert found["valid"] == "false"
    assert reason in found["reason"]
    assert found["tpot_ms"] == ""


def test_what_does_not_fit_still_has_a_speed() -> None:
    found = predicted(model="Qwen3-32B", accelerator="L40S")
    assert found["valid"] == "false"
    assert found["reason"].startswith("OutOfMemory")
    assert float(found["tpot_ms"]) > 0


def test_a_format_without_a_checkpoint_is_sized_by_the_shapes() -> None:
    found = predicted(model="Qwen3-0.6B", quantization="AWQ-INT4")
    assert found["valid"] == "true"
    assert found["reason"] == "no checkpoint of Qwen3-0.6B in AWQ-INT4 is known: size computed"
    assert 0.3 < float(found["weights_gib"]) < 0.7
    assert float(found["tpot_ms"]) > 0


def test_ascend_has_memory_and_no_speed() -> None:
    found = predicted(accelerator="Ascend-910B3")
    assert found["valid"] == "true"
    assert found["source"] == "unknown"
    assert found["reason"] == "no source for the speed of this accelerator"
    assert float(found["weights_gib"]) > 15
    assert found["ttft_ms"] == ""


def test_nothing_in_nothing_out() -> None:
    assert predict_rows([], CATALOG) == []


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("A100", "did you mean A100-SXM4-80GB or A100-SXM4-40GB or A100-PCIe-80GB?"),
        ("4090", "did you mean RTX-4090?"),
        ("h20-3E", "did you mean H20-3e?"),
        ("H1000-SXM", "did you mean H100-SXM"),
        ("RTX 4090", "did you mean RTX-4090?"),
        ("zzz", f"{len(CATALOG.accelerators)} are known, such as "),
        ("", f"{len(CATALOG.accelerators)} are known, such as "),
    ],
)
def test_names_that_are_proposed(name: str, ends: str) -> None:
    assert nearest(name, CATALOG.accelerators, ACCELERATORS_COMMAND).startswith(ends)


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen3-32B",
        "qwen3-32b",
        "QWEN/qwen3-32B",
        "Qwen3_32B",
        "qwen3 32b",
        "Qwen3.32B",
        "Qwen3-32b-instruct",
        "Qwen3-32B-Chat-hf",
    ],
)
def test_a_repository_is_no_model_but_near_one(name: str) -> None:
    assert nearest(name, CATALOG.models) == "did you mean Qwen3-32B?"


def test_a_plain_model_comes_before_those_that_its_name_begins() -> None:
    assert nearest("Qwen3-4B-instruct", CATALOG.models).startswith("did you mean Qwen3-4B or Qwen3-4B-Instruct-2507")
    assert nearest("Qwen3-30B-chat", CATALOG.models).startswith("did you mean Qwen3-30B-A3B")


def test_a_few_are_named_where_none_is_like_it() -> None:
    told = nearest("Llama", CATALOG.models, MODELS_COMMAND)
    assert told.startswith(f"{len(CATALOG.models)} are known, such as Qwen3-")
    assert told.endswith(": kubectl qwen3 models lists them")
    assert told.count("Qwen3") == 4
    assert nearest("c", ["a", "b"], MODELS_COMMAND) == "known are a, b"
    assert nearest("c", []) == "none is known"
