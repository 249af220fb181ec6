"""How each quantization of the catalog shows itself in a folder of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

UNQUANTIZED = "BF16"
MODELSLIM = "W8A8"
MODELSLIM_FILE = "quant_model_description.json"
"""ModelSlim (Ascend) describes itself in a file of its own, not in config.json."""

_METHODS: Mapping[str, tuple[str, int | None]] = {
    "FP8": ("fp8", None),
    "AWQ-INT4": ("awq", 4),
    "GPTQ-INT4": ("gptq", 4),
    "GPTQ-INT8": ("gptq", 8),
}
"""``quant_method`` and ``bits`` of ``quantization_config`` in Qwen's own checkpoints."""


def mismatch(quantization: str, model_config: Mapping[str, Any], *, has_modelslim_file: bool) -> str | None:
    """What speaks against ``quantization`` (catalog name), or None. Names without a rule are left to the engine."""
    found = _describe(model_config.get("quantization_config"), has_modelslim_file=has_modelslim_file)
    if quantization in (UNQUANTIZED, MODELSLIM):
        wanted = "no quantization" if quantization == UNQUANTIZED else f"a {MODELSLIM_FILE}"
    elif quantization in _METHODS:
        wanted = _label(*_METHODS[quantization])
    else:
        return None
    return None if found == wanted else f"{quantization} needs {wanted}, found {found}"


def _describe(entry: Any, *, has_modelslim_file: bool) -> str:
    if has_modelslim_file:
        return f"a {MODELSLIM_FILE}"
    if not isinstance(entry, dict):
        return "no quantization"
    method = str(entry.get("quant_method"))
    bits = entry.get("bits") if any(method == known and bits for known, bits in _METHODS.values()) else None
    return _label(method, bits)


def _label(method: str, bits: int | None) -> str:
    return f'quant_method "{method}"' + (f" with {bits} bits" if bits else "")
