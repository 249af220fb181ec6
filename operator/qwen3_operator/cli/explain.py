"""``explain``: why a live deployment is where it is."""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from qwen3_operator.api.deployment import KIND, Qwen3Deployment
from qwen3_operator.cli import options
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.explain_view import explained
from qwen3_operator.cli.files import read_documents, shown
from qwen3_operator.cli.output import Format, dump, show
from qwen3_operator.cli.where import Where

_NEAREST = 8


@command
def explain(
    *,
    name: Annotated[str | None, typer.Argument(help="Name of a Qwen3Deployment.")] = None,
    file: Annotated[
        str | None,
        typer.Option("--filename", "-f", metavar="FILE", help="Read the object from 'kubectl get q3d NAME -o yaml'."),
    ] = None,
    namespace: options.Namespace = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    output: options.Output = Format.TABLE,
    all_candidates: Annotated[bool, typer.Option("--all", help="List every alternative that the status has.")] = False,
) -> None:
    """Say why a live deployment is where it is.

    Shows the plan in force, what it turned out to be, the conditions, and what was not taken.
    """
    if (name is None) == (file is None):
        raise InputError("name one Qwen3Deployment, or give -f FILE")
    raw = _from_file(file) if file else _live(Where(kubeconfig, context), namespace, str(name))
    if output is not Format.TABLE:
        dump({key: raw.get("status", {}).get(key) for key in ("plan", "capacity", "conditions")}, output)
        return
    metadata = raw["metadata"]
    try:
        found = Qwen3Deployment.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{metadata['name']} was written by another version: {field}: {first['msg']}") from error
    nearest = len(found.status.plan.rejected) if all_candidates and found.status.plan else _NEAREST
    title = f"{metadata.get('namespace', 'default')}/{metadata['name']}"
    show(*explained(title, found.spec, found.status, nearest))


def _from_file(name: str) -> dict[str, Any]:
    for found in read_documents(name):
        if isinstance(found, dict) and found.get("kind") == KIND and "name" in (found.get("metadata") or {}):
            return found
    raise InputError(f"{shown(name)} has no {KIND}")


def _live(where: Where, namespace: str | None, name: str) -> dict[str, Any]:
    from qwen3_operator.cli.cluster import ask  # noqa: PLC0415  # the client costs a second; files do not need it

    return ask(where, lambda cluster: cluster.deployment(namespace or cluster.namespace, name))
