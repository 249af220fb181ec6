"""``offload``: how llama.cpp would split a model between a device that is too small and its host."""

from typing import Annotated, Any

import typer

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import Accelerator, Catalog, Checkpoint, Model
from qwen3_operator.cli import options
from qwen3_operator.cli.accelerator_names import known_accelerator
from qwen3_operator.cli.catalogs import catalog_of
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.output import Format, dump
from qwen3_operator.performance.offload import ASSUMED_HOST, Host, Offload
from qwen3_operator.performance.offload import offload as split
from qwen3_operator.sizing.row_names import RowError, model_of
from qwen3_operator.sizing.text import gigabytes

_GB = 10**9
_LITTLE = 10**6
"""Bytes that are rounding."""


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
    ] = ASSUMED_HOST.memory_bandwidth / _GB,
    link_bandwidth: Annotated[
        float, typer.Option(metavar="GB/S", min=1, help="From host to device; 25 is what PCIe 4.0 x16 gives.")
    ] = ASSUMED_HOST.link_bandwidth / _GB,
    catalog: options.CatalogFile = None,
    output: options.Output = Format.TABLE,
) -> None:
    """Estimate llama.cpp with part of a model on a small GPU: layers that fit, and tokens per second.

    Nothing of this was measured. NVIDIA and AMD GPUs only.
    """
    known = catalog_of(catalog)
    found, checkpoint = _checkpoint(known, model, quantization)
    device = known_accelerator(accelerator, known)
    _check(device, found, context, prompt)
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
    if output is not Format.TABLE:
        dump(_record(made, found, checkpoint, device), output)
        return
    typer.echo(
        f"{found.name} {checkpoint.quantization} ({gigabytes(checkpoint.bytes)}) on {device.name}: {_text(made)}"
    )


def _check(device: Accelerator, model: Model, context: int, prompt: int) -> None:
    if device.device not in {"cuda", "rocm"}:
        raise InputError(f"--accelerator {device.name}: llama.cpp's speed is known on NVIDIA and AMD GPUs only")
    if context > model.max_context:
        raise InputError(f"--context {context} is too long: {model.name} has at most {model.max_context}")
    if prompt > context:
        raise InputError(f"--prompt {prompt} is longer than --context {context}")


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


def _record(made: Offload, model: Model, checkpoint: Checkpoint, device: Accelerator) -> dict[str, Any]:
    return {
        "model": model.name,
        "quantization": str(checkpoint.quantization),
        "accelerator": device.name,
        "layersOnDevice": made.layers,
        "layers": made.of,
        "deviceBytes": made.device_bytes,
        "hostBytes": made.host_bytes,
        "tokensPerSecond": round(made.tokens_per_second, 1),
        "timeToFirstTokenSeconds": round(made.time_to_first_token, 3),
        "known": "calculated",
    }


def _text(made: Offload) -> str:
    return (
        f"{made.layers} of {made.of} layers on the device ({gigabytes(made.device_bytes)}), {_on_host(made)}; "
        f"about {made.tokens_per_second:.0f} tokens per second, "
        f"first token after {made.time_to_first_token:.2f} s (an estimate, not measured)"
    )


def _on_host(made: Offload) -> str:
    if made.host_bytes < _LITTLE:
        return "nothing in the host's memory"
    why = " for the embedding, which llama.cpp keeps there" if made.layers == made.of else ""
    return f"{gigabytes(made.host_bytes)} in the host's memory{why}"
