"""``plan``: where a Qwen3Deployment would run, and why nowhere else."""

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.cli import options, source
from qwen3_operator.cli.answers import Answer, answers
from qwen3_operator.cli.documents import read_deployments
from qwen3_operator.cli.errors import BAD_INPUT, NOTHING_FITS, command
from qwen3_operator.cli.output import Format, dump, show
from qwen3_operator.cli.plan_view import plan_parts, rejected_part
from qwen3_operator.cli.plot import plot as draw
from qwen3_operator.cli.where import Where

_NEAREST = 8


@command
def plan(
    *,
    file: Annotated[
        list[str],
        typer.Option("--filename", "-f", metavar="FILE", help="YAML with Qwen3Deployments; - is standard input."),
    ],
    inventory: options.InventoryFile = None,
    hardware: options.HardwareWords = None,
    catalog: options.CatalogFile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    namespace: options.Namespace = None,
    output: options.Output = Format.TABLE,
    all_candidates: Annotated[bool, typer.Option("--all", help="List every candidate that was not taken.")] = False,
    plot: Annotated[
        str | None,
        typer.Option(metavar="FILE.png", help="Draw memory per device, and cost against latency. Also .svg, .pdf."),
    ] = None,
) -> None:
    """Say where it would run, and why nowhere else.

    Changes nothing in the cluster.

    Exit code 0: everything fits; 3: something does not; 2: bad input.
    """
    documents = read_deployments(file)
    found = source.read(Where(kubeconfig, context), inventory=inventory, hardware=hardware, catalog=catalog)
    placed = [document.within(namespace or found.snapshot.namespace) for document in documents]
    given = answers(placed, found.snapshot, found.catalog)
    if plot:
        draw(plot, given)
    if output is Format.TABLE:
        for number, answer in enumerate(given):
            show(*([Text()] if number else []), *_parts(answer, everything=all_candidates))
    else:
        items = [answer.to_json(everything=all_candidates) for answer in given]
        dump(items[0] if len(items) == 1 else {"items": items}, output)
    if any(answer.is_wrong for answer in given):
        raise typer.Exit(BAD_INPUT)
    if not all(answer.fits for answer in given):
        raise typer.Exit(NOTHING_FITS)


def _parts(answer: Answer, *, everything: bool) -> list[RenderableType]:
    name = f"{answer.document.namespace}/{answer.document.name}"
    rejected = answer.rejected(everything=True) if everything else answer.alternatives(_NEAREST)
    listed = rejected_part(rejected, answer.found.rejected_counts)
    if isinstance(answer.found, PlanStatus):
        return [Text(f"{name}: fits", "bold"), *plan_parts(answer.found, answer.document.spec), *listed]
    judgement = "is wrong" if answer.is_wrong else "does not fit"
    heading = Text.assemble((f"{name}: {judgement}", "bold red"), f" ({answer.found.reason})")
    return [heading, Text(answer.found.message), *listed]
