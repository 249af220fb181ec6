"""Which deployments the measured rows of bench/data are like: only their speeds are ``measured``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qwen3_operator.catalog import Model
    from qwen3_operator.performance.types import Layout


class Covered(NamedTuple):
    """Rows of one kind that the constants were fitted to."""

    family: str
    engine: str
    experts: bool
    """Whether the models have experts."""
    formats: frozenset[str]
    many: bool
    """Whether they have more than one client."""


_DENSE = frozenset({"BF16", "FP8", "AWQ-INT4", "GPTQ-INT8"})
_EXPERTS = frozenset({"BF16", "FP8"})
# Not here: vLLM with FP8. Its rows do not agree with the others and are not fitted (docs/accuracy.md), or are one.
COVERED = (
    # bench/data/qwen3_speed_benchmark.csv: H20, one client.
    Covered("Hopper", "SGLang", experts=False, formats=_DENSE, many=False),
    Covered("Hopper", "SGLang", experts=True, formats=_EXPERTS | {"GPTQ-INT4"}, many=False),
    Covered("Hopper", "Transformers", experts=False, formats=_DENSE, many=False),
    Covered("Hopper", "Transformers", experts=True, formats=_EXPERTS, many=False),
    # bench/data/silicon_qwen3_concurrency.csv: H100 with Qwen3-32B, H200 with Qwen3-235B-A22B, 6 to 144 clients.
    Covered("Hopper", "SGLang", experts=False, formats=frozenset({"BF16"}), many=True),
    Covered("Hopper", "vLLM", experts=False, formats=frozenset({"BF16"}), many=True),
    Covered("Hopper", "SGLang", experts=True, formats=frozenset({"FP8"}), many=True),
)


_SMALLEST = 5e8
"""Parameters. The smallest model of the rows is Qwen3-0.6B."""


def is_covered(layout: Layout, concurrency: float) -> bool:
    """Whether measured rows agree in family of accelerators, engine, format and kind of model.

    Where ``concurrency`` is more than one they must have more than one client.
    """
    return _is_usual(layout) and any(
        row.family == layout.accelerator.family
        and row.engine == layout.engine
        and row.experts == (layout.model.experts is not None)
        and layout.quantization in row.formats
        and (row.many or concurrency <= 1)
        for row in COVERED
    )


def _is_usual(layout: Layout) -> bool:
    """As all rows are: text models with plain attention, whole devices, joined by NVLink, a BF16 KV cache."""
    joined = layout.devices == 1 or layout.accelerator.link.startswith("NVLink")
    whole = layout.accelerator.part_of is None and joined
    shape = layout.data_parallel == 1 and layout.expert_parallel == 1
    return _is_plain(layout.model) and whole and shape and layout.kv_element_bytes == 2  # noqa: PLR2004  # BF16


def _is_plain(model: Model) -> bool:
    other = model.recurrent is not None or model.vision_parameters > 0
    return model.generates and not other and model.parameters >= _SMALLEST
