"""Hardware that is not there (yet), as the Node objects it would show itself by."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from qwen3_operator.api.base import API_VERSION, POOL_LABEL
from qwen3_operator.api.pool import KIND
from qwen3_operator.catalog import CPU
from qwen3_operator.catalog.base import Row
from qwen3_operator.cli.accelerator_names import known_accelerator
from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.snapshot import Snapshot
from qwen3_operator.inventory.nodes import ARCHITECTURE_LABEL
from qwen3_operator.inventory.quantity import quantity

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from qwen3_operator.catalog import Accelerator, Catalog
    from qwen3_operator.cli.snapshot import Raw

AMPLE_CPU = "1024"
AMPLE_MEMORY = "64Ti"
"""Host resources where none are stated: never what a plan fails for."""

Text = Annotated[str, Field(coerce_numbers_to_str=True)]


class Hardware(Row):
    """Nodes of one kind."""

    accelerator: str
    """By catalog name; ``CPU`` for nodes without one."""
    nodes: Annotated[int, Field(ge=1, le=10_000)] = 1
    devices: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Of one node; the accelerator's usual number by default."""
    price: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$", coerce_numbers_to_str=True)] | None = None
    """Of one device for one hour, in any currency."""
    pool: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] | None = None
    """Name of the pool; the accelerator's in lower case by default."""
    architecture: Annotated[str, Field(pattern="^(amd64|arm64)$")] | None = None
    """Of the host's processor; the accelerator's usual one by default."""
    cpu: Text | None = None
    """Cores of one node, as a Kubernetes quantity; more than enough by default."""
    memory: Text | None = None
    """Memory of one node, as a Kubernetes quantity; more than enough by default, required for CPU."""


def from_list(raw: Sequence[Any], where: str) -> list[Hardware]:
    """Entries of a YAML list.

    Raises:
        InputError: an entry with a wrong field.
    """
    return [entry_of(entry, f"{where}, entry {number}") for number, entry in enumerate(raw, start=1)]


def entry_of(raw: Any, where: str) -> Hardware:
    """One entry.

    Raises:
        InputError: a wrong field; ``where`` is its place in words.
    """
    try:
        return Hardware.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "entry"
        takes = ", ".join(Hardware.model_fields)
        raise InputError(f"{where}: {field}: {first['msg']} (it takes {takes})") from error


def snapshot(entries: Iterable[Hardware], catalog: Catalog) -> Snapshot:
    """Empty nodes of that hardware, each entry a pool of its own.

    Raises:
        InputError: an accelerator that the catalog does not know, a pool named twice, a quantity that is none.
    """
    nodes: list[Raw] = []
    pools: dict[str, Raw] = {}
    for entry in entries:
        accelerator = known_accelerator(entry.accelerator, catalog)
        pool = _name(entry, accelerator, pools)
        pools[pool] = _pool(entry, accelerator, pool)
        nodes += [_node(entry, accelerator, pool, number) for number in range(1, entry.nodes + 1)]
    return Snapshot(tuple(nodes), pools=tuple(pools.values()))


def _name(entry: Hardware, accelerator: Accelerator, taken: Container[str]) -> str:
    """The name that the entry states, else the accelerator's in lower case, numbered where it is not the first."""
    if entry.pool:
        if entry.pool in taken:
            raise InputError(f"pool {entry.pool} occurs twice: give each entry its own name")
        return entry.pool
    first = accelerator.name.lower()
    return next(name for n in count(1) if (name := first if n == 1 else f"{first}-{n}") not in taken)


def _pool(entry: Hardware, accelerator: Accelerator, name: str) -> Raw:
    """The AcceleratorPool that says what the nodes labelled with its name are."""
    spec = {"accelerator": accelerator.name}
    if accelerator.name != CPU:
        spec["resourceName"] = _resource(accelerator)
    if entry.price is not None:
        spec["pricePerDeviceHour"] = entry.price
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def _resource(accelerator: Accelerator) -> str:
    """As its device plugin calls it; any name will do for one that no label shows."""
    return accelerator.nodes[0].resource if accelerator.nodes else f"example.com/{accelerator.name.lower()}"


def _node(entry: Hardware, accelerator: Accelerator, pool: str, number: int) -> Raw:
    architecture = entry.architecture or ("arm64" if accelerator.arm64 else "amd64")
    allocatable = {"cpu": _amount(entry.cpu, AMPLE_CPU), "memory": _amount(entry.memory, AMPLE_MEMORY)}
    if accelerator.name != CPU:
        allocatable[_resource(accelerator)] = str(entry.devices or accelerator.devices_per_node)
    elif entry.memory is None:
        raise InputError("CPU nodes need their memory: --hardware '2x64Gi CPU', or memory: 64Gi in a file")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"{pool}-{number}", "labels": {ARCHITECTURE_LABEL: architecture, POOL_LABEL: pool}},
        "spec": {},
        "status": {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def _amount(text: str | None, ample: str) -> str:
    try:
        quantity(text or ample)
    except ValueError as error:
        raise InputError(str(error)) from error
    return text or ample
