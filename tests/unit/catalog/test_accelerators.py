from __future__ import annotations

import pytest

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import Accelerator, computes_in, load_catalog
from qwen3_runtime.config import Engine as EngineName

CATALOG = load_catalog()
DEVICES = [found for found in CATALOG.accelerators.values() if found.vendor != "CPU"]


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_numbers_are_of_their_kind(device: Accelerator) -> None:
    """A slip of the unit would be a factor of a thousand."""
    assert 4 << 30 <= device.memory_bytes < 300 << 30
    assert device.memory_bandwidth is None or 1e11 < device.memory_bandwidth < 1e13
    assert device.link_bandwidth is None or 1e10 < device.link_bandwidth < 1e12
    assert all(1e13 < rate < 2e16 for rate in device.rates.values())
    assert device.known != "reported" or (device.memory_bandwidth and device.rates)


def test_narrow_formats_are_no_slower_but_where_they_were_removed() -> None:
    slower = set()
    for device in DEVICES:
        rates = device.rates
        if "FP16" in rates and rates.get("INT8", rates["FP16"]) < rates["FP16"]:
            slower.add(device.name)
        assert rates.get("FP8", 2e16) >= rates.get("BF16", 0)
    assert slower == {"B300", "GB300"}


@pytest.mark.parametrize(
    ("name", "quantization", "sglang", "vllm", "llama"),
    [
        ("T4", "BF16", True, True, False),
        ("T4", "FP8", False, False, False),
        ("T4", "GGUF-Q4_K_M", False, False, True),
        ("A100-SXM4-80GB", "FP8", False, True, False),
        ("A100-SXM4-80GB", "AWQ-INT4", True, True, False),
        ("L40S", "FP8", True, True, False),
        ("H100-SXM", "NVFP4", False, False, False),
        ("B200", "NVFP4", True, True, False),
        ("Ascend-910B3", "BF16", True, True, False),
        ("Ascend-910B3", "FP8", False, False, False),
        ("Ascend-910B3", "W8A8", True, True, False),
        ("Ascend-310P3", "W8A8", False, True, False),
        ("H100-SXM", "W8A8", False, False, False),
        ("CPU", "BF16", True, True, False),
        ("CPU", "GGUF-Q8_0", False, False, True),
    ],
)
def test_what_runs_where(name: str, quantization: str, sglang: bool, vllm: bool, llama: bool) -> None:  # noqa: FBT001
    form = CATALOG.quantizations[Quantization(quantization)]
    family = CATALOG.accelerators[name].family
    runs = tuple(form.runs_on(engine, family) for engine in (EngineName.SGLANG, EngineName.VLLM, EngineName.LLAMA_CPP))
    assert runs == (sglang, vllm, llama)


def test_formats_name_engines_and_families_that_exist() -> None:
    engines: dict[str, set[str]] = {}
    for engine in CATALOG.engines.values():
        engines.setdefault(engine.name, set()).update(engine.families)
    for form in CATALOG.quantizations.values():
        assert form.runs
        for engine_name, families in form.runs.items():
            assert set(families) <= engines[engine_name], (form.name, engine_name)


def test_where_there_is_no_bf16() -> None:
    for device in DEVICES:
        assert (computes_in(device.family) == "FP16") == ("BF16" not in device.rates and bool(device.rates))


def test_hosts_of_grace_are_arm64() -> None:
    assert {device.name for device in DEVICES if device.arm64} == {"GB200", "GB300"}
