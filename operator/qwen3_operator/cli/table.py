"""``table``: what each model needs on each accelerator."""

from enum import StrEnum
from typing import Annotated

import typer

from qwen3_operator.catalog import CPU, Catalog, Model
from qwen3_operator.cli import options
from qwen3_operator.cli.accelerator_names import known_accelerator
from qwen3_operator.cli.catalogs import catalog_of
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.hardware_table import hardware_table
from qwen3_operator.cli.output import Format, console, dump, show
from qwen3_operator.cli.table_view import as_csv, markdown, records, tables
from qwen3_operator.sizing.row_names import RowError, model_of

USUAL = (
    "T4",
    "RTX-4090",
    "L40S",
    "A100-SXM4-40GB",
    "A100-SXM4-80GB",
    "H100-SXM",
    "H20",
    "H200-SXM",
    "B200",
    "Ascend-910B4",
    "Ascend-910B3",
    "Ascend-910C",
)
"""One accelerator of each kind and size of memory that is common."""
_ALL = "all"


class TableFormat(StrEnum):
    """Of ``-o``."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


@command
def table(
    *,
    accelerator: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="By catalog name, several times for several; 'all'. Default: common ones."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="By catalog name, several times for several.")
    ] = None,
    context: Annotated[int, typer.Option(metavar="TOKENS", min=1, help="Prompt plus answer of the request.")] = 32768,
    catalog: options.CatalogFile = None,
    output: Annotated[TableFormat, typer.Option("--output", "-o", help="What is printed.")] = TableFormat.TABLE,
) -> None:
    """Show what each model needs: memory, devices, tokens per second.

    Every number comes from the planner: one replica, one request of the full context.
    """
    known = catalog_of(catalog)
    lines = list(hardware_table(known, _models(known, model), _accelerators(known, accelerator), context))
    if output is TableFormat.CSV:
        typer.echo(as_csv(lines), nl=False)
    elif output is TableFormat.JSON:
        dump(records(lines), Format.JSON)
    elif output is TableFormat.MARKDOWN:
        typer.echo(markdown(lines))
    else:
        show(*tables(lines, console().width))


def _models(catalog: Catalog, names: list[str] | None) -> list[Model]:
    try:
        return [model_of(name, catalog) for name in names] if names else list(catalog.models.values())
    except RowError as error:
        raise InputError(str(error)) from error


def _accelerators(catalog: Catalog, names: list[str] | None) -> list[str]:
    devices = [name for name in catalog.accelerators if name != CPU]
    if names == [_ALL]:
        return devices
    if not names:
        return [name for name in USUAL if name in devices]
    found = list(dict.fromkeys(known_accelerator(name, catalog).name for name in names))
    if CPU in found:
        raise InputError("--accelerator CPU: the table is about accelerators")
    return found
