"""Where a command's inventory comes from: words, a file, or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.cli import hardware as hardware_of
from qwen3_operator.cli.catalogs import catalog_of, with_overrides
from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.files import read_documents, shown
from qwen3_operator.cli.hardware_words import parsed
from qwen3_operator.cli.snapshot import NOBODY, Snapshot

if TYPE_CHECKING:
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.cli.where import Where

_CHOICES = (
    "say what to plan on: --hardware '2x8 H100-SXM' for hardware in words, --inventory FILE for a file "
    "(kubectl qwen3 inventory -o yaml > FILE), or --context/--kubeconfig for a cluster"
)


class Source(NamedTuple):
    """What a command plans on, and what it knows."""

    snapshot: Snapshot
    catalog: Catalog


def read(where: Where, *, inventory: str | None, hardware: str | None, catalog: str | None) -> Source:
    """The nodes to plan on, and the catalog: from a file if one is named, else as the cluster or the file has it.

    Raises:
        InputError: nothing was said and no cluster is reached, or what was said is wrong.
    """
    if hardware and inventory:
        raise InputError("--hardware and --inventory exclude each other")
    known = catalog_of(catalog)
    found = _found(where, inventory, hardware, known)
    return Source(found, known if catalog else with_overrides(found.overrides))


def _found(where: Where, file: str | None, words: str | None, catalog: Catalog) -> Snapshot:
    if words:
        return hardware_of.snapshot(parsed(words), catalog)
    if file:
        return _from_file(file, catalog)
    from qwen3_operator.cli.cluster import ask  # noqa: PLC0415  # the client costs a second; files do not need it

    try:
        return ask(where, lambda cluster: cluster.snapshot())
    except InputError as error:
        raise InputError(f"{error}\n  {_CHOICES}") from error


def _from_file(name: str, catalog: Catalog) -> Snapshot:
    documents = read_documents(name)
    if not documents:
        raise InputError(f"{shown(name)} is empty")
    if all(isinstance(document, list) for document in documents):
        entries = [entry for document in documents for entry in document]
        return hardware_of.snapshot(hardware_of.from_list(entries, shown(name)), catalog)
    found = Snapshot.of(document for document in documents if isinstance(document, dict))
    if not found.nodes:
        raise InputError(
            f"{shown(name)} holds no nodes: give the output of 'kubectl qwen3 inventory -o yaml' or "
            "'kubectl get nodes -o json', or a list such as [{accelerator: H100-SXM, nodes: 2, devices: 8}]"
        )
    try:
        found.inventory(catalog, NOBODY)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{type(error).__name__} {error}"
        raise InputError(f"{shown(name)} holds an object that is not as Kubernetes lists it: {problem}") from error
    return found
