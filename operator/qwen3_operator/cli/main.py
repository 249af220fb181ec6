"""``kubectl qwen3``: the commands, each imported when it is asked for: the planner costs half a second."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typing_extensions import override

if TYPE_CHECKING:
    from typer._click.core import Command, Context

DISTRIBUTION = "qwen3-serving"
_HELP = {"help_option_names": ["-h", "--help"]}
MODULES = {
    "plan": "plan",
    "table": "table",
    "explain": "explain",
    "replan": "replan",
    "inventory": "inventory",
    "tenants": "tenants",
    "top": "top",
    "predict": "predict",
    "offload": "offload",
    "replay": "replay",
    "models": "known",
    "accelerators": "known",
}
"""Module in this package by command, whose function has the command's name; in the order of --help."""


class _Commands(TyperGroup):
    """Commands out of ``MODULES``."""

    @override
    def list_commands(self, ctx: Context) -> list[str]:
        return list(MODULES)

    @override
    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in MODULES:
            return None
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        function = getattr(import_module(f"qwen3_operator.cli.{MODULES[cmd_name]}"), cmd_name)
        alone.command(cmd_name, context_settings=_HELP)(function)
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=_HELP,
)


def _version(asked: bool) -> None:  # noqa: FBT001  # typer calls it so
    if asked:
        typer.echo(f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Plans Qwen3 models onto GPUs and Ascend NPUs, and says why, in numbers: with a cluster or without one."""


def main() -> None:
    """Entry point of ``kubectl-qwen3``, which kubectl finds on the PATH."""
    app()
