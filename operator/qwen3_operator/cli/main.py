"""``kubectl qwen3``: the commands."""

from __future__ import annotations

import typer

from qwen3_operator.cli.explain import explain
from qwen3_operator.cli.inventory import inventory
from qwen3_operator.cli.known import accelerators, models
from qwen3_operator.cli.offload import offload
from qwen3_operator.cli.plan import plan
from qwen3_operator.cli.predict import predict
from qwen3_operator.cli.replan import replan
from qwen3_operator.cli.replay import replay
from qwen3_operator.cli.table import table
from qwen3_operator.cli.tenants import tenants
from qwen3_operator.cli.top import top

app = typer.Typer(
    help="Plans Qwen3 models onto GPUs and Ascend NPUs, and says why, in numbers: with a cluster or without one.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for function in (plan, table, explain, replan, inventory, tenants, top, predict, offload, replay, models, accelerators):
    app.command()(function)


def main() -> None:
    """Entry point of ``kubectl-qwen3``, which kubectl finds on the PATH."""
    app()
