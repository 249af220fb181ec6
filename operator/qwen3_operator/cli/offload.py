"""``offload``: how llama.cpp would split a model between a device that is too small and its host."""

from typing import Annotated

import typer

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import Catalog, Checkpoint, Model
from qwen3_operator.cli import options
from qwen3_operator.cli.catalogs import catalog_of
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.hardware import known_accelerator
from qwen3_operator.performance.offload import Host, Offload
from qwen3_operator.performance.offload import offload as split
from qwen3_operator.sizing.row_names import RowError, model_of
from qwen3_operator.sizing.text import gigabytes

_GB = 10**9


@command
def offload(
    *,
    model: Annotated[str, typer.Option(metavar="NAME", help="By catalog name.")],
    accelerator: Annotated[str, typer.Option(metavar="NAME", help="Whose speed the device has, by catalog name.")],
    memory: Annotated[
        float | None, typer.Option(metavar="GB", min=0, help="Free on the device. Default: all of the accelerator's.")
    ] = None,
    quantization: Annotated[str, typer.Option(metavar="NAME", help="A GGUF format.")] = Quantization.GGUF_Q4_K_M,
    context: Annotated[int, typer.Option(metavar="TOKENS", min=1, help="KV cache that is set aside.")] = 4096,
    prompt: Annotated[int, typer.Option(metavar="TOKENS", min=1, help="Length of the prompt.")] = 512,
    host_bandwidth: Annotated[
        float, typer.Option(metavar="GB/S", min=1, help="Memory of the host; 60 is two channels of DDR5.")
    ] = 60,
    link_bandwidth: Annotated[
        float, typer.Option(metavar="GB/S", min=1, help="From host to device; 25 is what PCIe 4.0 x16 gives.")
    ] = 25,
    catalog: options.CatalogFile = None,
) -> None:
    """Estimate llama.cpp with part of a model on a small GPU: layers that fit, and tokens per second.

    Nothing of this was measured; the operator does not run llama.cpp yet.
    """
    known = catalog_of(catalog)
    found, checkpoint = _checkpoint(known, model, quantization)
    device = known_accelerator(accelerator, known)
    made = split(
        model=found,
        checkpoint=checkpoint,
        accelerator=device,
        device_memory=device.memory_bytes if memory is None else round(memory * _GB),
        host=Host(memory_bandwidth=host_bandwidth * _GB, link_bandwidth=link_bandwidth * _GB),
        context=context,
        prompt=prompt,
        constants=known.performance,
    )
    if made is None:
        raise InputError(f"--accelerator {device.name}: its memory bandwidth or rate is not known")
    typer.echo(
        f"{found.name} {checkpoint.quantization} ({gigabytes(checkpoint.bytes)}) on {device.name}: {_text(made)}"
    )


def _checkpoint(known: Catalog, name: str, quantization: str) -> tuple[Model, Checkpoint]:
    try:
        model = model_of(name, known)
    except RowError as error:
        raise InputError(f"--model: {error}") from error
    formats = {str(found.quantization): found for found in model.checkpoints if found.quantization.startswith("GGUF")}
    if quantization not in formats:
        has = ", ".join(formats) or "none"
        raise InputError(f"--quantization {quantization!r}: {model.name} has these GGUF formats: {has}")
    return model, formats[quantization]


def _text(made: Offload) -> str:
    return (
        f"{made.layers} of {made.of} layers on the device ({gigabytes(made.device_bytes)}), "
        f"{gigabytes(made.host_bytes)} in the host's memory; about {made.tokens_per_second:.0f} tokens per second, "
        f"first token after {made.time_to_first_token:.2f} s (an estimate, not measured)"
    )
