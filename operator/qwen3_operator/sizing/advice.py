"""The nearest spec that would fit, where the one asked for does not.

Each attempt is one search, over all formats, contexts or models that it stands for, so that even a large cluster is
looked through a dozen times and not once per change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.api.deployment import AUTO, KVCacheDataType
from qwen3_operator.api.intent import Objective
from qwen3_operator.catalog import CPU
from qwen3_operator.sizing.failure import PlanFailure
from qwen3_operator.sizing.field import survey
from qwen3_operator.sizing.nofit import shape_in, working
from qwen3_operator.sizing.offers import Offer, offers
from qwen3_operator.sizing.search import assign, cost_of
from qwen3_operator.sizing.text import milliseconds, money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog, Checkpoint, Model
    from qwen3_operator.inventory import Inventory
    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.search import Assigned

SHORTEST_CONTEXT = 2048
_FACTORS = (1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)
"""By which targets are made longer until something meets them."""


class Attempt(NamedTuple):
    """Something else to look for, and the change in words, given what was found."""

    wanted: Wanted
    words: Callable[[Sequence[Assigned]], str]


def advice(spec: DeploymentSpec, inventory: Inventory, catalog: Catalog, field: Field) -> str:
    """One sentence with the smallest change that makes the spec fit, or that none of those tried does."""
    for attempt in _attempts(spec, catalog, field):
        if assigned := assign(survey(attempt.wanted, inventory, catalog)):
            places = " and ".join(shape_in(part.candidate.pool, part.candidate.rating) for part in assigned)
            return f"Nearest that would fit: {attempt.words(assigned)}, on {places}."
    if spec.model.name == AUTO:
        return "Nothing near it would fit: less load, longer targets and lesser models were tried."
    return "Nothing near it would fit: another format, a shorter context and smaller models were tried."


def _attempts(spec: DeploymentSpec, catalog: Catalog, field: Field) -> Iterator[Attempt]:
    """The smallest change first."""
    wanted = field.wanted
    yield from _less_load(field)
    if wanted.budget is not None:
        yield Attempt(replace(wanted, budget=None), _budget_words)
    yield from _longer_targets(field)
    free = replace(wanted, pools=frozenset(), accelerators=frozenset(), max_devices=None, budget=None)
    if free != wanted:
        yield Attempt(free, _says("no limits in spec.hardware"))
    yield Attempt(replace(free, accelerators=frozenset({CPU})), _says(f"spec.hardware.accelerators: [{CPU}]"))
    model = catalog.models.get(spec.model.name)
    if model and len(wanted.offers) == 1:
        formats = replace(wanted, offers=_in_all_formats(wanted, model, catalog), objective=Objective.QUALITY)
        yield Attempt(formats, lambda assigned: _format_words(_offer_of(assigned)))
    if wanted.kv_data_type is not KVCacheDataType.FP8:
        yield Attempt(replace(wanted, kv_data_type=KVCacheDataType.FP8), _says("spec.engine.kvCacheDataType: FP8"))
    if wanted.traffic.concurrency > 1:
        yield Attempt(_one_request(wanted), _says("spec.workload.concurrency: 1"))
    yield from _other_models(spec, wanted, catalog)


def _other_models(spec: DeploymentSpec, wanted: Wanted, catalog: Catalog) -> Iterator[Attempt]:
    """A shorter context, then smaller models; where the model is left to the plan, any of its use case."""
    model = catalog.models.get(spec.model.name)
    if model is None:
        lesser = spec.model_copy(update={"model": spec.model.model_copy(update={"minimum_quality": None})})
        found = offers(lesser, catalog)
        if spec.model.minimum_quality and not isinstance(found, PlanFailure):
            any_model = replace(wanted, offers=found, objective=Objective.QUALITY)
            yield Attempt(any_model, lambda assigned: f"spec.model.minimumQuality: {_offer_of(assigned).model.name}")
        return
    if spec.workload.input_tokens is None:
        yield from _shorter(wanted, model, catalog)
    smaller = replace(wanted, offers=_smaller(wanted, model, catalog), objective=Objective.QUALITY)
    yield Attempt(smaller, lambda assigned: _model_words(_offer_of(assigned)))


def _less_load(field: Field) -> Iterator[Attempt]:
    """As many replicas, then as much load, as there is room for."""
    wanted, able = field.wanted, working(field)
    traffic, fewer = wanted.traffic, ""
    if traffic.replicas is not None:
        room = sum(field.room(pool, rating) for pool, rating in able)
        if not 0 < room < traffic.replicas:
            return
        traffic, fewer = replace(traffic, replicas=room), f"spec.replicas: {room}"
        yield Attempt(replace(wanted, traffic=traffic), _says(fewer))
    carried = sum(field.room(pool, rating) * rating.unit for pool, rating in able)
    if not 0 < carried < (traffic.rate or traffic.concurrency):
        return
    if traffic.rate is not None:
        rate = int(carried * 10) / 10
        words = f'spec.workload.requestsPerSecond: "{rate:g}"'
    else:
        rate, words = None, f"spec.workload.concurrency: {int(carried)}"
    less = replace(traffic, rate=rate, concurrency=traffic.concurrency if rate else int(carried))
    yield Attempt(replace(wanted, traffic=less), _says(f"{fewer} and {words}" if fewer else words))


def _longer_targets(field: Field) -> Iterator[Attempt]:
    """Both targets longer by the same factor, where something misses them; then none."""
    targets = field.wanted.targets
    if not targets.asked or all(rating.problem is None for group in field.groups for rating in group.ratings):
        return
    for factor in _FACTORS:
        words, first, each = [], None, None
        if targets.first_token is not None:
            first = targets.first_token * factor
            words.append(f"spec.slo.timeToFirstToken: {milliseconds(first)}")
        if targets.output_token is not None:
            each = targets.output_token * factor
            words.append(f"spec.slo.timePerOutputToken: {milliseconds(each)}")
        longer = replace(targets, first_token=first, output_token=each)
        yield Attempt(replace(field.wanted, targets=longer), _says(" and ".join(words)))
    without = replace(targets, first_token=None, output_token=None)
    yield Attempt(replace(field.wanted, targets=without), _says("no spec.slo"))


def _says(words: str) -> Callable[[Sequence[Assigned]], str]:
    """Words that do not depend on what was found."""
    return lambda _: words


def _offer_of(assigned: Sequence[Assigned]) -> Offer:
    return assigned[0].candidate.rating.offer


def _budget_words(assigned: Sequence[Assigned]) -> str:
    if total := cost_of(assigned):
        return f'spec.hardware.maxCostPerHour: "{money(total)}"'
    return "no spec.hardware.maxCostPerHour (not all pools have a price)"


def _in_all_formats(wanted: Wanted, model: Model, catalog: Catalog) -> tuple[Offer, ...]:
    """The model's formats; the best wins."""
    asked = wanted.offers[0]
    return tuple(
        _offer(model, checkpoint, catalog, asked.context_length, asked.request_tokens)
        for checkpoint in model.checkpoints
    )


def _shorter(wanted: Wanted, model: Model, catalog: Catalog) -> Iterator[Attempt]:
    """One request of half the context, and half again; in the formats asked for, then in all. The longest wins."""
    one = replace(_one_request(wanted), objective=Objective.QUALITY)
    lengths = list(_halves(wanted.offers[0].context_length))
    asked = [offer.checkpoint for offer in wanted.offers]
    shorter = replace(one, offers=_of_lengths(model, asked, lengths, catalog))
    yield Attempt(shorter, lambda assigned: _context_words(_offer_of(assigned)))
    if len(asked) < len(model.checkpoints):
        both = replace(one, offers=_of_lengths(model, model.checkpoints, lengths, catalog))
        yield Attempt(both, lambda found: f"{_format_words(_offer_of(found))} and {_context_words(_offer_of(found))}")


def _of_lengths(
    model: Model, checkpoints: Iterable[Checkpoint], lengths: Iterable[int], catalog: Catalog
) -> tuple[Offer, ...]:
    pairs = [(checkpoint, length) for length in lengths for checkpoint in checkpoints]
    offers = [_offer(model, checkpoint, catalog, length, length) for checkpoint, length in pairs]
    return tuple(replace(offer, quality=(-offer.context_length, 0, offer.form.rank)) for offer in offers)


def _smaller(wanted: Wanted, model: Model, catalog: Catalog) -> tuple[Offer, ...]:
    """Smaller published models for one of the same use cases; the largest wins."""
    asked = wanted.offers[0]
    found = [
        _offer(smaller, checkpoint, catalog, min(asked.context_length, smaller.max_context), asked.request_tokens)
        for smaller in catalog.models.values()
        if smaller.parameters < model.parameters and set(smaller.use_cases) & set(model.use_cases)
        for checkpoint in smaller.checkpoints
        if checkpoint.repository and asked.request_tokens <= smaller.max_context
    ]
    return tuple(replace(offer, quality=(-offer.model.parameters, 0, offer.form.rank)) for offer in found)


def _offer(model: Model, checkpoint: Checkpoint, catalog: Catalog, context: int, tokens: int) -> Offer:
    form = catalog.quantizations[checkpoint.quantization]
    return Offer(model, checkpoint, form, context, tokens, (0, 0, form.rank))


def _one_request(wanted: Wanted) -> Wanted:
    return replace(wanted, traffic=replace(wanted.traffic, concurrency=1, rate=None))


def _halves(length: int) -> Iterator[int]:
    while length // 2 >= SHORTEST_CONTEXT:
        length //= 2
        yield length


def _format_words(offer: Offer) -> str:
    return f"spec.model.quantization: {offer.form.name} with the weights of {offer.checkpoint.repository}"


def _context_words(offer: Offer) -> str:
    return f"spec.model.contextLength: {offer.context_length} with spec.workload.concurrency: 1"


def _model_words(offer: Offer) -> str:
    return f"spec.model.name: {offer.model.name} with spec.model.quantization: {offer.form.name}"
