"""Names in rows of measurements, and the catalog's names for the same things."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qwen3_operator.sizing.names import ACCELERATORS_COMMAND, MODELS_COMMAND, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen3_operator.catalog import Accelerator, Catalog, Engine, Model

ACCELERATORS = {
    "h100_sxm": "H100-SXM",
    "h100-sxm5-80gb": "H100-SXM",
    "h100": "H100-SXM",
    "h100_pcie": "H100-PCIe",
    "h100-pcie-80gb": "H100-PCIe",
    "h200_sxm": "H200-SXM",
    "h200": "H200-SXM",
    "h20_sxm": "H20",
    "h20-96gb": "H20",
    "b200_sxm": "B200",
    "b300_sxm": "B300",
    "a100_sxm": "A100-SXM4-80GB",
    "a100_pcie": "A100-PCIe-80GB",
    "rtx_pro_6000_server": "RTX-PRO-6000-Blackwell",
    "rtx-pro-6000-blackwell-server": "RTX-PRO-6000-Blackwell",
    "rtxpro6000": "RTX-PRO-6000-Blackwell",
}
"""Names of AIConfigurator's systems, of the accelerator table and of LLMServingSim, in lower case."""

FORMATS = {
    "int8": "w8a8",
    "bfloat16": "bf16",
    "float16": "bf16",
    "awq": "awq-int4",
    "gptq_int4": "gptq-int4",
    "gptq_int8": "gptq-int8",
    "fp8_block": "fp8",
    "fp8-block128": "fp8",
    "int4": "awq-int4",
    "int4-g128 (awq/gptq)": "awq-int4",
    "int8-w8a8 per-channel": "w8a8",
}
"""Other names of formats, in lower case."""

MEASURED_VERSIONS = {
    ("SGLang", "H20"): "0.4.6.post1",
    ("SGLang", "H100-SXM"): "0.5.1.post1",
    ("SGLang", "H200-SXM"): "0.5.6.post2",
    ("vLLM", "H100-SXM"): "0.12.0",
    ("vLLM", "H200-SXM"): "0.12.0",
}
"""Engine versions that rows were measured with: what a row without a version is taken to mean there."""

COUNTS = (
    "tensor_parallel",
    "moe_tensor_parallel",
    "expert_parallel",
    "data_parallel",
    "input_tokens",
    "output_tokens",
    "concurrency",
)
"""Columns of whole numbers."""


class RowError(ValueError):
    """A cell of a row that cannot be understood; the text says why."""


def model_of(text: str, catalog: Catalog) -> Model:
    """A model by its catalog name, or by the id of a repository of one of its checkpoints.

    Raises:
        RowError: no model is called so.
    """
    name = text.strip()
    for model in catalog.models.values():
        if name.lower() == model.name.lower():
            return model
        if any(name.lower() == checkpoint.repository.lower() for checkpoint in model.checkpoints):
            return model
    bare = name.rsplit("/", 1)[-1]
    for model in sorted(catalog.models.values(), key=lambda found: -len(found.name)):
        if bare.lower() == model.name.lower() or bare.lower().startswith(f"{model.name.lower()}-"):
            return model
    raise RowError(f"model {name!r} is not known: {nearest(bare, catalog.models, MODELS_COMMAND)}")


def quantization_of(text: str, model: str, catalog: Catalog) -> str:
    """A format by its name in any case, else by the end of the model's name, else BF16.

    Raises:
        RowError: no format is called so.
    """
    names = {name.value.lower(): name.value for name in catalog.quantizations}
    asked = text.strip().lower()
    asked = FORMATS.get(asked, asked)
    if asked:
        if asked not in names:
            raise RowError(f"quantization {text.strip()!r} is not known: {nearest(text, names.values())}")
        return names[asked]
    ending = model.strip().lower()
    ending = f"{ending}-int4" if ending.endswith("-awq") else ending
    return next((name for key, name in names.items() if ending.endswith(f"-{key}")), "BF16")


def accelerator_of(text: str, catalog: Catalog) -> Accelerator:
    """An accelerator by its catalog name, by one that measurements use, or by the label that its nodes carry.

    Raises:
        RowError: none is called so, or the cell is empty.
    """
    asked = text.strip()
    known = {name.lower(): name for name in catalog.accelerators}
    name = (
        ACCELERATORS.get(asked.lower())
        or known.get(asked.lower())
        or known.get(asked.lower().replace(" ", "-"))
        or _labelled(asked, catalog)
    )
    if name is None:
        known_names = nearest(asked, catalog.accelerators, ACCELERATORS_COMMAND)
        raise RowError(f"accelerator {asked!r} is not known: {known_names}")
    return catalog.accelerators[name]


def _labelled(text: str, catalog: Catalog) -> str | None:
    """The one accelerator whose nodes carry that value in a label, such as ``NVIDIA-H100-80GB-HBM3``."""
    found = [
        accelerator.name
        for accelerator in catalog.accelerators.values()
        if any(text.lower() == value.lower() for mark in accelerator.nodes for value in mark.labels.values())
    ]
    return found[0] if len(found) == 1 else None


def engine_of(text: str, version: str, catalog: Catalog) -> Engine:
    """The rules of an engine by its name in any case; of its versions the one that is asked for, else the newest.

    llama.cpp may be written with its dot or without.

    Raises:
        RowError: none is called so.
    """
    asked = text.strip().lower().replace(".", "") or catalog.engine.name.lower()
    found = [engine for engine in catalog.engines.values() if engine.name.lower() == asked]
    if not found:
        raise RowError(f"engine {text.strip()!r} is not known: {nearest(text, {name for name, _ in catalog.engines})}")
    return next((engine for engine in found if engine.version == version), found[0])


def count_of(row: dict[str, str], column: str, default: int) -> int:
    """A whole number of at least one; an empty cell means the default.

    Raises:
        RowError: the cell holds something else.
    """
    text = (row.get(column) or "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        raise RowError(f"{column} {text!r} is no number") from None
    if not number.is_integer() or number < 1:
        raise RowError(f"{column} {text!r} is no whole number of at least 1")
    return int(number)


def misread(row: dict[str, str], catalog: Catalog) -> Iterator[str]:
    """What is wrong with each cell that cannot be understood."""
    reads: tuple[Callable[[], object], ...] = (
        lambda: model_of(row.get("model", ""), catalog),
        lambda: accelerator_of(row.get("accelerator", ""), catalog),
        lambda: engine_of(row.get("engine", ""), "", catalog),
        lambda: quantization_of(row.get("quantization", ""), row.get("model", ""), catalog),
        *(partial(count_of, row, column, 1) for column in COUNTS),
    )
    for read in reads:
        try:
            read()
        except RowError as error:
            yield str(error)
