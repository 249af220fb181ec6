"""``models`` and ``accelerators``: the names that the catalog knows."""

from qwen3_operator.catalog import CPU, Accelerator, Model
from qwen3_operator.cli import options
from qwen3_operator.cli.catalogs import catalog_of
from qwen3_operator.cli.errors import command
from qwen3_operator.cli.output import Format, dump, show
from qwen3_operator.cli.tables import plain_table
from qwen3_operator.performance.formats import half_rate
from qwen3_operator.sizing.text import gigabytes

_BILLION, _MILLION = 10**9, 10**6


@command
def models(*, catalog: options.CatalogFile = None, output: options.Output = Format.TABLE) -> None:
    """List the models that the catalog knows, with the formats of their checkpoints."""
    found = list(catalog_of(catalog).models.values())
    if output is not Format.TABLE:
        dump([_model(model) for model in found], output)
        return
    numbers = ("PARAMETERS", "ACTIVE", "CONTEXT")
    table = plain_table("MODEL", *numbers, "USE CASES", "FORMATS", right=numbers)
    for model in found:
        counts = (_parameters(model.parameters), _parameters(model.active_parameters), str(model.max_context))
        table.add_row(model.name, *counts, " ".join(model.use_cases), " ".join(_formats(model)))
    show(table)


@command
def accelerators(*, catalog: options.CatalogFile = None, output: options.Output = Format.TABLE) -> None:
    """List the accelerators that the catalog knows, and whether speed is predicted on them."""
    found = [known for known in catalog_of(catalog).accelerators.values() if known.name != CPU]
    if output is not Format.TABLE:
        dump([_accelerator(known) for known in found], output)
        return
    numbers = ("MEMORY", "BANDWIDTH", "PER NODE")
    table = plain_table("ACCELERATOR", "VENDOR", "FAMILY", *numbers, "SPEED", right=numbers)
    for known in found:
        bandwidth = "-" if known.bandwidth_gb is None else f"{known.bandwidth_gb:.0f} GB/s"
        counts = (gigabytes(known.memory_bytes), bandwidth, str(known.devices_per_node))
        table.add_row(known.name, known.vendor, known.family, *counts, _speed(known))
    show(table)


def _model(model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "parameters": model.parameters,
        "activeParameters": model.active_parameters,
        "contextLength": model.max_context,
        "useCases": [str(use) for use in model.use_cases],
        "quantizations": _formats(model),
        "quality": model.quality,
    }


def _accelerator(known: Accelerator) -> dict[str, object]:
    return {
        "name": known.name,
        "vendor": known.vendor,
        "family": known.family,
        "memoryBytes": known.memory_bytes,
        "memoryBandwidthGBps": known.bandwidth_gb,
        "devicesPerNode": known.devices_per_node,
        "speed": _speed(known),
        "notServed": known.not_served,
    }


def _formats(model: Model) -> list[str]:
    return [str(checkpoint.quantization) for checkpoint in model.checkpoints]


def _speed(known: Accelerator) -> str:
    if known.not_served:
        return "not served"
    has_numbers = known.memory_bandwidth is not None and half_rate(known) is not None
    return "predicted" if known.device == "cuda" and has_numbers else "unknown"


def _parameters(count: int) -> str:
    return f"{count / _BILLION:.1f}B" if count >= _BILLION / 10 else f"{count / _MILLION:.0f}M"
