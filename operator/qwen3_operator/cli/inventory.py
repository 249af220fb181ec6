"""``inventory``: what there is to plan on, to read or to keep in a file."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from qwen3_operator.cli import options, source
from qwen3_operator.cli.errors import command
from qwen3_operator.cli.hardware import AMPLE_MEMORY
from qwen3_operator.cli.output import Format, dump, show
from qwen3_operator.cli.reduce import reduced
from qwen3_operator.cli.snapshot import NOBODY
from qwen3_operator.cli.tables import plain_table
from qwen3_operator.cli.where import Where
from qwen3_operator.inventory import Inventory, Limit, Pool, UnusedNode
from qwen3_operator.inventory.quantity import quantity
from qwen3_operator.inventory.quotas import limits_of
from qwen3_operator.sizing.text import gigabytes

if TYPE_CHECKING:
    from rich.console import RenderableType

_AMPLE = int(quantity(AMPLE_MEMORY))


@command
def inventory(
    *,
    inventory_file: options.InventoryFile = None,
    hardware: options.HardwareWords = None,
    catalog: options.CatalogFile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    output: options.Output = Format.TABLE,
) -> None:
    """Show what there is to plan on.

    Pools, what is free in them, nodes that give nothing, with the reason, and what ResourceQuotas leave.

    With -o yaml everything that planning reads, as a file for 'kubectl qwen3 plan --inventory'.
    """
    found = source.read(Where(kubeconfig, context), inventory=inventory_file, hardware=hardware, catalog=catalog)
    if output is not Format.TABLE:
        dump(reduced(found.snapshot), output)
        return
    pools = found.snapshot.inventory(found.catalog, NOBODY)
    more: list[RenderableType] = [Text(), _unused(pools.unused)] if pools.unused else []
    if limits := [limit for quota in found.snapshot.quotas for limit in limits_of(quota, {}, {})]:
        more += [Text(), _quotas(limits)]
    show(_pools(pools), *more)


def _pools(found: Inventory) -> Table:
    numbers = ("NODES", "DEVICES", "FREE", "DEVICE MEMORY", "HOST FREE", "PRICE")
    table = plain_table("POOL", "ACCELERATOR", "RESOURCE", "ARCH", *numbers, right=numbers)
    for pool in found.pools.values():
        table.add_row(*_pool(pool))
    return table


def _pool(pool: Pool) -> tuple[str, ...]:
    devices = sum(node.devices for node in pool.nodes)
    free = sum(node.free_devices for node in pool.nodes)
    of_devices = (str(devices), str(free), gigabytes(pool.device_memory_bytes))
    host = max((node.free_memory_bytes for node in pool.nodes), default=0)
    name = pool.accelerator.name + (f" ({pool.share.kind} {pool.share.part})" if pool.share else "")
    price = "-" if pool.price_per_device_hour is None else str(pool.price_per_device_hour)
    return (
        pool.name,
        name,
        pool.resource_name or "-",
        pool.architecture,
        str(len(pool.nodes)),
        *(of_devices if pool.resource_name else ("-", "-", "-")),
        gigabytes(host) if host < _AMPLE else "ample",
        price,
    )


def _quotas(limits: list[Limit]) -> Table:
    numbers = ("USED", "HARD")
    table = plain_table("NAMESPACE", "QUOTA", "RESOURCE", *numbers, right=numbers)
    for limit in limits:
        amounts = (limit.shown(limit.hard - limit.left), limit.shown(limit.hard))
        table.add_row(limit.namespace, limit.quota, limit.resource, *amounts)
    return table


def _unused(nodes: tuple[UnusedNode, ...]) -> Table:
    table = plain_table("UNUSED NODE", "POOL", "REASON", "MESSAGE")
    for node in nodes:
        table.add_row(node.name, node.pool or "-", node.reason, node.message)
    return table
