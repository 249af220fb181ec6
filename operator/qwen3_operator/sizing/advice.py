"""The nearest spec that would fit, where the one asked for does not.

Each attempt is one search, over all formats, contexts or models that it stands for, so that even a large cluster is
looked through a dozen times and not once per change; twice that where spec.hardware has limits, and once more for each
smaller model where spec.replicas is set, since fewer may do.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import AUTO
from qwen3_operator.catalog import CPU
from qwen3_operator.sizing.attempts import Attempt, both, says
from qwen3_operator.sizing.field import survey
from qwen3_operator.sizing.less import less_load
from qwen3_operator.sizing.longer import longer_targets
from qwen3_operator.sizing.nofit import shape_in
from qwen3_operator.sizing.search import assign, cost_of
from qwen3_operator.sizing.text import money
from qwen3_operator.sizing.ways import other_ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.search import Assigned

_NO_LIMITS = "no limits in spec.hardware"


def advice(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog, field: Field) -> str:
    """One sentence with the smallest change that makes the spec fit, or that none of those tried does."""

    def look(wanted: Wanted) -> Field:
        return survey(wanted, inventory, catalog)

    for attempt in _attempts(spec, catalog, field, look):
        if assigned := assign(look(attempt.wanted)):
            places = " and ".join(shape_in(part.candidate.pool, part.candidate.rating) for part in assigned)
            return f"Nearest that would fit: {attempt.words(assigned)}, on {places}."
    return _none(spec, field.wanted)


def _none(spec: DeploymentSpec, wanted: Wanted) -> str:
    """The changes tried that a person may think of; each of them was."""
    tried = ["less load", *(["longer targets"] if wanted.targets.asked else [])]
    if spec.model.name == AUTO:
        tried += ["a lesser model"] if spec.model.minimum_quality else []
    else:
        tried += ["a shorter context"] if spec.workload.input_tokens is None else []
        formats = "another format or " if len(wanted.offers) == 1 else ""
        tried.append(f"{formats}a smaller model, with the same load or less")
    limits = "; with the limits in spec.hardware or without" if _unlimited(wanted) != wanted else ""
    return f"None of these would fit: {', '.join(tried)}{limits}."


def _attempts(
    spec: DeploymentSpec, catalog: Catalog, field: Field, look: Callable[[Wanted], Field]
) -> Iterator[Attempt]:
    """The smallest change first; without the limits of spec.hardware too where none does with them."""
    wanted, free = field.wanted, _unlimited(field.wanted)
    yield from less_load(field, wanted.traffic)
    if wanted.budget is not None:
        yield Attempt(replace(wanted, budget=None), _budget_words)
    yield from _longer(field, look)
    if free != wanted:
        yield Attempt(free, says(_NO_LIMITS))
    yield Attempt(replace(free, accelerators=frozenset({CPU})), says(f"spec.hardware.accelerators: [{CPU}]"))
    yield from other_ways(spec, wanted, catalog, look)
    if free != wanted:
        everywhere = look(free)
        ways = (less_load(everywhere, free.traffic), _longer(everywhere, look), other_ways(spec, free, catalog, look))
        for attempt in chain.from_iterable(ways):
            yield Attempt(attempt.wanted, both(says(_NO_LIMITS), attempt.words))


def _longer(field: Field, look: Callable[[Wanted], Field]) -> Iterator[Attempt]:
    return longer_targets(field, lambda longer: bool(assign(look(longer))))


def _unlimited(wanted: Wanted) -> Wanted:
    """Without spec.hardware."""
    return replace(wanted, pools=frozenset(), accelerators=frozenset(), max_devices=None, budget=None)


def _budget_words(assigned: Sequence[Assigned]) -> str:
    if total := cost_of(assigned):
        return f'spec.hardware.maxCostPerHour: "{money(total)}"'
    return "no spec.hardware.maxCostPerHour (not all pools have a price)"
