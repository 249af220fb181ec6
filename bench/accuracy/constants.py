"""The catalog's file of constants, written anew by the calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.accuracy.priors import FIXED, PRIORS, Key, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HEADER = """\
# Constants of the performance model. Written by `python -m bench.accuracy fit`; what each means stands in
# performance/coefficients.py, what was measured in bench/data, how far off the model is in docs/accuracy.md.
# Times in seconds, the rest without unit. low and high: range over the folds of the cross-validation, each fitted
# without one group of rows; equal to value where nothing is fitted. accelerator: where one differs from its family.
performance:
"""
_SOURCES = {
    Rows.QWEN: "QwenLM/Qwen3 speed_benchmark.md @7a2f61ffc7a2, H20, SGLang 0.4.6.post1",
    Rows.TRANSFORMERS: "QwenLM/Qwen3 speed_benchmark.md @7a2f61ffc7a2, H20, transformers 4.51.3",
    Rows.SGLANG: "aiconfigurator-core 0.12.0 systems/silicon_sample.csv, SGLang rows",
    Rows.VLLM: "aiconfigurator-core 0.12.0 systems/silicon_sample.csv, vLLM rows",
    Rows.ALL: "both tables of bench/data, all engines",
}


def known_values() -> dict[Key, float]:
    """Constants that are not fitted."""
    return {key: fixed.value for key, fixed in FIXED.items()}


def write(path: Path, values: Mapping[Key, float], folds: Mapping[str, Mapping[Key, float]]) -> None:
    """Write ``path`` with the fitted values and their range over the folds."""
    path.write_text(HEADER + "\n".join(_rows(values, folds)) + "\n", encoding="utf-8")


def _rows(values: Mapping[Key, float], folds: Mapping[str, Mapping[Key, float]]) -> Iterator[str]:
    for key, prior in PRIORS.items():
        spread = [fold[key] for fold in folds.values()]
        numbers = (values[key], min(spread), max(spread))
        yield _row(key, "Hopper", numbers, f"known: measured,\n     source: {_SOURCES[prior.rows]!r}")
    for key, fixed in FIXED.items():
        yield _row(key, fixed.family, (fixed.value,) * 3, f"known: {fixed.known},\n     source: {fixed.source!r}")


def _row(key: Key, family: str, numbers: tuple[float, ...], rest: str) -> str:
    name, accelerator = key
    place = f"family: {family}, accelerator: {accelerator}" if accelerator else f"family: {family}"
    value, low, high = (_number(number) for number in numbers)
    return f"  - {{name: {name}, {place}, value: {value}, low: {low}, high: {high}, {rest}}}"


def _number(value: float) -> str:
    """Four digits; YAML takes an exponent for a number only after a point."""
    text = f"{value:.4g}"
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{power}" if exponent else text
