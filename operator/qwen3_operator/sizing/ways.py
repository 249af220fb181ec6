"""Other ways to run a load, or less of it: another format or KV cache, a shorter context, a smaller model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwen3_operator.api.deployment import KVCacheDataType
from qwen3_operator.api.intent import Objective
from qwen3_operator.sizing.attempts import Attempt, both, says
from qwen3_operator.sizing.failure import PlanFailure
from qwen3_operator.sizing.less import least_load, less_load, loads, with_load
from qwen3_operator.sizing.offers import Offer, offers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qwen3_operator.api.deployment import DeploymentSpec
    from qwen3_operator.catalog import Catalog, Checkpoint, Model
    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.needs import Wanted
    from qwen3_operator.sizing.search import Assigned

SHORTEST_CONTEXT = 2048
_GOOD_PART = 0.1
"""Of the load, that a smaller model is to carry where one does."""


def other_ways(
    spec: DeploymentSpec, wanted: Wanted, catalog: Catalog, look: Callable[[Wanted], Field]
) -> Iterator[Attempt]:
    """To run the same load, or less of it; two changes together where none alone does."""
    model = catalog.models.get(spec.model.name)
    formats = _in_all_formats(wanted, model, catalog) if model and len(wanted.offers) == 1 else ()
    if formats:
        yield Attempt(
            replace(wanted, offers=formats, objective=Objective.QUALITY),
            lambda assigned: _format_words(_offer_of(assigned)),
        )
    if wanted.kv_data_type is not KVCacheDataType.FP8:
        yield Attempt(replace(wanted, kv_data_type=KVCacheDataType.FP8), says("spec.engine.kvCacheDataType: FP8"))
    yield from less_load(look(least_load(wanted)), wanted.traffic)
    yield from _other_models(spec, wanted, catalog)
    if formats:
        yield from _with_less_load(replace(wanted, offers=formats), look)
    if model:
        yield from _with_less_load(replace(wanted, offers=_smaller(wanted, model, catalog)), look)


def _with_less_load(other: Wanted, look: Callable[[Wanted], Field]) -> Iterator[Attempt]:
    """Another format, or a smaller model: the largest that carries a good part of the load, else any of it."""
    found = {name: max(pools) for name, pools in loads(look(least_load(other)), other.traffic.replicas).items()}
    asked = other.traffic.rate or other.traffic.concurrency
    quality = {offer.model.name: offer.quality[:2] for offer in other.offers}
    order = sorted(found, key=lambda name: (found[name] < _GOOD_PART * asked, quality[name]))
    for name in order:
        alone = replace(other, offers=tuple(offer for offer in other.offers if offer.model.name == name))
        if other.traffic.replicas is None:
            attempts: Iterator[Attempt] = filter(None, [with_load(alone, other.traffic, found[name])])
        else:  # fewer replicas may do
            attempts = less_load(look(least_load(alone)), other.traffic)
        for attempt in attempts:
            yield Attempt(attempt.wanted, both(lambda assigned: _model_words(_offer_of(assigned)), attempt.words))


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


def _offer_of(assigned: Sequence[Assigned]) -> Offer:
    return assigned[0].candidate.rating.offer


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
        other = replace(one, offers=_of_lengths(model, model.checkpoints, lengths, catalog))
        words = both(lambda found: _format_words(_offer_of(found)), lambda found: _context_words(_offer_of(found)))
        yield Attempt(other, words)


def _of_lengths(
    model: Model, checkpoints: Iterable[Checkpoint], lengths: Iterable[int], catalog: Catalog
) -> tuple[Offer, ...]:
    pairs = [(checkpoint, length) for length in lengths for checkpoint in checkpoints]
    offers = [_offer(model, checkpoint, catalog, length, length) for checkpoint, length in pairs]
    return tuple(replace(offer, quality=(-offer.context_length, 0, offer.form.rank)) for offer in offers)


def _smaller(wanted: Wanted, model: Model, catalog: Catalog) -> tuple[Offer, ...]:
    """Smaller published models for one of the same use cases; those for no others come first, then the largest."""
    asked = wanted.offers[0]
    found = [
        _offer(smaller, checkpoint, catalog, min(asked.context_length, smaller.max_context), asked.request_tokens)
        for smaller in catalog.models.values()
        if smaller.parameters < model.parameters and set(smaller.use_cases) & set(model.use_cases)
        for checkpoint in smaller.checkpoints
        if checkpoint.repository and asked.request_tokens <= smaller.max_context
    ]
    uses = set(model.use_cases)
    return tuple(
        replace(offer, quality=(len(set(offer.model.use_cases) - uses), -offer.model.parameters, offer.form.rank))
        for offer in found
    )


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
