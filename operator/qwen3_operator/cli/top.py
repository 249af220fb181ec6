"""``top``: the fleet as it runs now."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from rich.console import Group
from rich.live import Live

from qwen3_operator.cli import options
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.output import Format, console, dump, note, show
from qwen3_operator.cli.top_rows import Row, as_json, row, table
from qwen3_operator.cli.where import Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_operator.autoscale.samples import Place
    from qwen3_operator.cli.cluster import Cluster
    from qwen3_operator.cli.snapshot import Raw
    from qwen3_operator.cli.top_series import Numbers

_EVERY_SECONDS = 5.0
"""Of --watch: pods are scraped every 15 s, and the autoscaler looks every 10."""


@command
def top(
    *,
    name: Annotated[str | None, typer.Argument(help="Name of a Qwen3Deployment. Default: all.")] = None,
    namespace: options.Namespace = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")] = False,
    prometheus: Annotated[
        str | None,
        typer.Option(
            "--prometheus",
            metavar="WHERE",
            help="URL of a Prometheus, or NAMESPACE/SERVICE:PORT, which is asked through the API server: "
            "qwen3-system/qwen3-prometheus:9090.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Renew every five seconds, until Ctrl-C.")] = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    output: options.Output = Format.TABLE,
) -> None:
    """Show what runs now.

    Replicas that are ready, and decisions of the autoscaler; with a Prometheus also requests, time to the first token
    and its target, tokens per second and the KV cache of the fullest replica.
    """
    if watch and output is not Format.TABLE:
        raise InputError(f"--watch is for people: without -o {output}")
    where = Where(kubeconfig, context)

    def look() -> list[Row]:
        return _rows(where, None if everywhere else namespace, everywhere=everywhere, name=name, prometheus=prometheus)

    rows = look()
    if output is not Format.TABLE:
        dump([as_json(one) for one in rows], output)
        return
    if prometheus is None:
        note("note: without --prometheus there are no requests, latencies and tokens")
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(rows, look)
    else:
        show(table(rows, datetime.now(UTC)))


def _rows(
    where: Where, namespace: str | None, *, everywhere: bool, name: str | None, prometheus: str | None
) -> list[Row]:
    """Sorted by namespace and name.

    Raises:
        InputError: there is none, or nobody answers.
    """
    from qwen3_operator.cli.cluster import ask  # noqa: PLC0415  # the client costs a second; --help does not need it
    from qwen3_operator.cli.top_source import numbers  # noqa: PLC0415  # likewise

    async def question(cluster: "Cluster") -> "tuple[list[Raw], dict[Place, Numbers]]":
        here = None if everywhere else namespace or cluster.namespace
        found = [raw for raw in await cluster.deployments(here) if name in (None, raw["metadata"]["name"])]
        if not found:
            what = f"Qwen3Deployment {name!r} does not exist" if name else "there is no Qwen3Deployment"
            raise InputError(f"{what} in {'any namespace' if here is None else f'namespace {here}; -n names another'}")
        return found, await numbers(cluster, prometheus) if prometheus else {}

    found, known = ask(where, question)
    return sorted((_row(raw, known) for raw in found), key=lambda one: (one.namespace, one.name))


def _row(raw: "Raw", known: "dict[Place, Numbers]") -> Row:
    try:
        return row(raw, known)
    except ValidationError as error:
        raise InputError(f"{raw['metadata']['name']} was written by another version: {error}") from error


def _watch(rows: list[Row], look: "Callable[[], list[Row]]") -> None:
    """Until interrupted; what fails in between is said below the last rows."""
    trouble = ""
    with Live(console=console(), auto_refresh=False) as live:
        while True:
            live.update(Group(table(rows, datetime.now(UTC)), *([trouble] if trouble else [])), refresh=True)
            time.sleep(_EVERY_SECONDS)
            try:
                rows, trouble = look(), ""
            except InputError as error:
                trouble = f"{error}; these rows are of before"
