"""Why there is no plan: what is needed, what is free, and the nearest thing that would fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.sizing.compare import quota_words, takes
from qwen3_operator.sizing.failure import FailureReason, PlanFailure
from qwen3_operator.sizing.judge import nearest, rejections
from qwen3_operator.sizing.reasons import OVER_NODES
from qwen3_operator.sizing.search import budget_problem, candidate_problem
from qwen3_operator.sizing.text import counted, gigabytes

if TYPE_CHECKING:
    from qwen3_operator.inventory import Inventory, Pool
    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.judge import Judged
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.options import Option
    from qwen3_operator.sizing.rating import Rated

MAX_NAMED = 3
_LOOKED_AT = 64
"""Of the nearest candidates, for the one that is told."""


def no_fit(field: Field, inventory: Inventory, advice: str) -> PlanFailure:
    """The failure of a search."""
    listed, counts = rejections(field, ())
    reason = FailureReason.NO_FIT if inventory.pools else FailureReason.NO_NODES
    sentences = [_lack(field, inventory), _unused(inventory), advice]
    return PlanFailure(reason, " ".join(sentence for sentence in sentences if sentence), listed, counts)


def shape_in(pool: Pool, choice: Option | Rated) -> str:
    """``2 x H100-SXM (pool h100-80gb-hbm3)``."""
    devices = "" if choice.kind.on_cpu else f"{choice.shape.devices} x "
    return f"{devices}{pool.accelerator.name} (pool {pool.name})"


def working(field: Field) -> list[tuple[Pool, Rated]]:
    """The first possible option of every pool, whether there is room for it or not; the best first."""
    found = []
    for group, pool in field.pairs():
        rating = next((r for r in group.ratings if candidate_problem(field, pool, r) is None), None)
        if rating:
            found.append((pool, rating))
    return sorted(found, key=lambda pair: (pair[1].kind.on_cpu, pair[1].devices, pair[0].name))


def _lack(field: Field, inventory: Inventory) -> str:
    if not inventory.pools:
        return "No node is usable."
    if not field.groups:
        return _none_named(field.wanted, inventory)
    what = field.wanted.label
    if able := working(field):
        return _no_room(field, able)
    missed = nearest(field, (), _LOOKED_AT)
    if not missed:
        return f"No pool can hold {what}."
    close = next((miss for miss in missed if miss.reason not in OVER_NODES), missed[0])
    several = len({offer.model.name for offer in field.wanted.offers}) > 1
    where = f"{_model(close)} on {_where(close)}" if several and close.model else _where(close)
    sentence = f"No pool can {_verb(close)} {what}; nearest is {where}: {close.number}."
    wide = [miss for miss in missed if miss.reason in OVER_NODES]
    if not wide or close is wide[0]:
        return sentence
    which = f"{_model(wide[0])}: " if several else ""
    return f"{sentence} In pool {wide[0].pool} {which}{wide[0].number}."


def _none_named(wanted: Wanted, inventory: Inventory) -> str:
    """spec.hardware names nothing that there is."""
    names = list(dict.fromkeys(f"{pool.accelerator.name} (pool {pool.name})" for pool in inventory.pools.values()))
    more = len(names) - MAX_NAMED
    there = f"{', '.join(names[:MAX_NAMED])}{f' and {more} more' if more > 0 else ''}"
    devices, pools = (" or ".join(sorted(which)) for which in (wanted.accelerators, wanted.pools))
    kind = " ".join(word for word in ("usable" if inventory.unused or not devices else "", devices, "node") if word)
    where = f"pool {pools}" if pools else "the cluster"
    return f"{where[0].upper()}{where[1:]} has no {kind}; {'the cluster' if pools else 'it'} has: {there}."


def _no_room(field: Field, able: list[tuple[Pool, Rated]]) -> str:
    """What would serve finds no room, or costs too much."""
    pool, best = able[0]
    if dear := budget_problem(field, pool, best):
        return f"{best.offer.name} on {shape_in(pool, best)}: {dear.number}."
    room, quotas = 0, field.quotas
    for where, rating in able:
        more = field.allowed(field.free(where, rating), where, rating, quotas)
        room, quotas = room + more, quotas.less(where.resource_name, field.demand(rating), more)
    lacks = [_stock(field, pool, best)]
    if room < sum(field.free(*pair) for pair in able):
        lacks.append(_refused(field, able))
    return (
        f"{best.offer.name} takes {shape_in(pool, best)} per replica; {takes(field, best)}, room for {room}: "
        f"{', and '.join(lack for lack in lacks if lack)}."
    )


def _refused(field: Field, able: list[tuple[Pool, Rated]]) -> str:
    """The quota that is too small for one of the pools alone, else the one that they share."""
    alone = (quota_words(field, pool, rating) for pool, rating in able)
    limits = (field.quotas.tightest(pool.resource_name, field.demand(rating)) for pool, rating in able)
    return next((words for words in (*alone, *(limit.words for limit in limits if limit)) if words), "")


def _verb(miss: Judged) -> str:
    """Memory and rules keep a model out; a target is missed."""
    return "serve" if miss.rating else "hold"


def _model(miss: Judged) -> str:
    return f"{miss.model} {miss.quantization}"


def _where(miss: Judged) -> str:
    devices = "" if miss.on_cpu else f"{miss.shape.devices} x "
    return f"{devices}{miss.accelerator} (pool {miss.pool})"


def _stock(field: Field, pool: Pool, best: Rated) -> str:
    """What is free in the pool: devices, and the host's memory and CPU where those are what is missing."""
    nodes, demand = pool.nodes, field.demand(best)
    free = sum(node.free_devices for node in nodes)
    stock = "" if best.kind.on_cpu else f"{free} of {sum(node.devices for node in nodes)} devices are free there"
    if stock and not any(node.free_devices >= demand.devices and not node.replicas(demand) for node in nodes):
        return stock
    needs = f"{demand.cpu_millicores / 1000:g} CPU and {gigabytes(demand.memory_bytes)}"
    cpu = max(node.free_cpu_millicores for node in nodes) / 1000
    memory = gigabytes(max(node.free_memory_bytes for node in nodes))
    one = f"one of {len(nodes)} nodes" if len(nodes) > 1 else "one"
    host = f"a replica needs {needs} of its node, at most {cpu:g} CPU and {memory} are free on {one}"
    return f"{stock}; {host}" if stock else host


def _unused(inventory: Inventory) -> str:
    if not inventory.unused:
        return ""
    named = ", ".join(f"{node.name} ({node.reason})" for node in inventory.unused[:MAX_NAMED])
    more = len(inventory.unused) - MAX_NAMED
    return f"{counted(len(inventory.unused), 'node')} not usable: {named}{f' and {more} more' if more > 0 else ''}."
