"""``replan``: let a live deployment take the plan that the planner would make today."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from qwen3_operator.api.base import REPLAN_ANNOTATION
from qwen3_operator.api.deployment import DeploymentSpec
from qwen3_operator.catalog import Catalog
from qwen3_operator.cli import options
from qwen3_operator.cli.catalogs import with_overrides
from qwen3_operator.cli.errors import NOTHING_FITS, InputError, command
from qwen3_operator.cli.where import Where
from qwen3_operator.inventory import Inventory
from qwen3_operator.reconcile.promises import stored_plan
from qwen3_operator.sizing import PlanFailure, plan

if TYPE_CHECKING:
    from qwen3_operator.cli.cluster import Cluster

_POLL_SECONDS = 1.0
_NONE = "no plan"


@command
def replan(
    *,
    name: Annotated[str, typer.Argument(help="Name of a Qwen3Deployment.")],
    namespace: options.Namespace = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would be and change nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the operator has planned.")] = True,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait.")] = 60,
) -> None:
    """Let a live deployment take the plan of today.

    Its pods may move. Shows the plan in force and the one that would be made now, then sets the annotation
    serving.qwen3.io/replan. Exit code 3: nothing fits now, and the plan in force is kept.
    """
    from qwen3_operator.cli.cluster import ask  # noqa: PLC0415  # the client costs a second; files do not need it

    async def question(cluster: "Cluster") -> None:
        where = namespace or cluster.namespace
        raw = await cluster.deployment(where, name)
        snapshot = await cluster.snapshot()
        catalog = with_overrides(snapshot.overrides)
        _preview(raw, snapshot.inventory(catalog, (where, name)), catalog)
        if dry_run:
            return
        wish = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        await cluster.annotate(where, name, {REPLAN_ANNOTATION: wish})
        typer.echo(f"annotated {where}/{name} with {REPLAN_ANNOTATION}={wish}")
        if wait:
            await _until_planned(cluster, where, name, wish, timeout)

    ask(Where(kubeconfig, context), question)


def _preview(raw: Mapping[str, Any], inventory: Inventory, catalog: Catalog) -> None:
    """Print the plan in force and the one of today."""
    held = stored_plan(raw.get("status") or {})
    typer.echo(f"in force: {held.summary if held else _NONE}")
    try:
        spec = DeploymentSpec.model_validate(raw["spec"])
    except ValidationError as error:
        raise InputError(f"{raw['metadata']['name']} was written by another version: {error}") from error
    found = plan(spec, inventory, catalog)
    if isinstance(found, PlanFailure):
        typer.echo(f"today: does not fit ({found.reason}): {found.message}")
        raise typer.Exit(NOTHING_FITS)
    typer.echo(f"today: {'the same' if held and held.summary == found.summary else found.summary}")


async def _until_planned(cluster: "Cluster", namespace: str, name: str, wish: str, limit: float) -> None:
    """Wait for ``status.replanned`` to hold the wish, then print the plan that is in force."""
    try:
        async with asyncio.timeout(limit):
            while _answered(raw := await cluster.deployment(namespace, name)) != wish:  # noqa: ASYNC110  # the operator sets it
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise InputError(f"the operator did not plan {namespace}/{name} within {limit:g} s: is it running?") from error
    held = stored_plan(raw.get("status") or {})
    typer.echo(f"planned: {held.summary if held else _NONE}")


def _answered(raw: Mapping[str, Any]) -> str:
    """Which wish the operator acted on last."""
    return str((raw.get("status") or {}).get("replanned", ""))
