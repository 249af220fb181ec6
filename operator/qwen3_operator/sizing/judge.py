"""Every candidate with one reason and one number: chosen, or why not."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.status import Rejection
from qwen3_operator.sizing.compare import likeness, rejection
from qwen3_operator.sizing.cost import cost_per_hour
from qwen3_operator.sizing.distance import close, distance
from qwen3_operator.sizing.options import Option
from qwen3_operator.sizing.reasons import Problem, Reason
from qwen3_operator.sizing.shapes import Shape
from qwen3_operator.sizing.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from qwen3_operator.inventory import Pool
    from qwen3_operator.sizing.distance import Distance
    from qwen3_operator.sizing.field import Field, Group
    from qwen3_operator.sizing.memory import Fit
    from qwen3_operator.sizing.rating import Rated
    from qwen3_operator.sizing.search import Assigned

MAX_REJECTIONS = 16


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate. ``reason`` is None for a chosen one; ``number`` is then its arithmetic."""

    pool: str
    accelerator: str
    model: str
    quantization: str
    shape: Shape
    on_cpu: bool
    reason: Reason | None
    number: str
    fit: Fit | None = None
    rating: Rated | None = None
    cost_per_hour: Decimal | None = None

    @property
    def chosen(self) -> bool:
        """Whether the plan takes it."""
        return self.reason is None

    @property
    def label(self) -> str:
        """``pool h100, Qwen3-32B FP8, TP 2``; the model is left out where it says nothing."""
        name = " ".join(part for part in (self.model, self.quantization) if part)
        parts = [f"pool {self.pool}", *([name] if name else []), *([] if self.on_cpu else [str(self.shape)])]
        return ", ".join(parts)


def judged(field: Field, assigned: Sequence[Assigned]) -> Iterator[Judged]:
    """Every candidate of every pool, in the order of kinds, pools and shapes."""
    chosen = _chosen(assigned)
    for pool, problem in field.unselected:
        yield _unselected(pool, problem)
    for group, pool in field.pairs():
        for option in group.failed:
            yield _judged(pool, option, _failure(option))
        for rating in group.ratings:
            if part := chosen.get((pool.name, *_key(rating))):
                yield _taken(pool, part)
            else:
                yield _judged(pool, rating, rejection(field, pool, rating, assigned))


def rejections(field: Field, assigned: Sequence[Assigned]) -> tuple[tuple[Rejection, ...], dict[str, int]]:
    """The nearest misses, at most 16, and how many candidates fell for each reason."""
    listed = tuple(
        Rejection(candidate=_named(field, miss), reason=str(miss.reason), number=miss.number)
        for miss in nearest(field, assigned, MAX_REJECTIONS)
    )
    return listed, dict(sorted(_counts(field, assigned).items(), key=lambda pair: (-pair[1], pair[0])))


def nearest(field: Field, assigned: Sequence[Assigned], count: int) -> list[Judged]:
    """The candidates that come nearest and are not chosen: working ones, late ones, large ones, impossible ones."""
    chosen = _chosen(assigned)
    found: list[Judged] = []
    looked_at = count + len(assigned)
    choices: list[tuple[Distance, int, Group, Option | Rated]] = []
    for index, group in enumerate(field.groups):
        choices += [(distance(field, group, choice), index, group, choice) for choice in close(group, looked_at)]
    for _, _, group, choice in heapq.nsmallest(looked_at, choices, key=lambda entry: entry[:2]):
        for pool in group.pools[:looked_at]:
            if (pool.name, *_key(choice)) not in chosen and len(found) < count:
                found.append(_judged(pool, choice, _problem(field, pool, choice, assigned)))
    found += [_unselected(pool, problem) for pool, problem in field.unselected[: count - len(found)]]
    return found


def _counts(field: Field, assigned: Sequence[Assigned]) -> Counter[str]:
    """Pools of a group, and ratings in it, that differ in nothing that decides are looked at once."""
    counts = Counter({str(Reason.NOT_SELECTED): len(field.unselected)} if field.unselected else {})
    for group in field.groups:
        for option in group.failed:
            counts[option.blocked.reason if option.blocked else Reason.OUT_OF_MEMORY] += len(group.pools)
        alike: dict[tuple[object, ...], list[Rated]] = {}
        for rating in group.ratings:
            alike.setdefault(likeness(field, rating, assigned), []).append(rating)
        equal: dict[tuple[object, ...], list[Pool]] = {}
        for pool in group.pools:
            equal.setdefault(field.likeness(group, pool), []).append(pool)
        for pools, ratings in product(equal.values(), alike.values()):
            counts[rejection(field, pools[0], ratings[0], assigned).reason] += len(pools) * len(ratings)
    for part in assigned:
        counts[_problem(field, part.candidate.pool, _listed(field, part), assigned).reason] -= 1
    return +counts


def _listed(field: Field, part: Assigned) -> Rated:
    """The rating of an assigned part as the field has it, before it got its share."""
    key = _key(part.candidate.rating)
    group = next(group for group in field.groups if part.candidate.pool in group.pools)
    return next(rating for rating in group.ratings if _key(rating) == key)


def _problem(field: Field, pool: Pool, choice: Option | Rated, assigned: Sequence[Assigned]) -> Problem:
    return _failure(choice) if isinstance(choice, Option) else rejection(field, pool, choice, assigned)


def _failure(option: Option) -> Problem:
    problem = option.problem
    if problem is None:
        raise ValueError(f"an option that fits was taken for one that does not: {option}")
    return problem


def _chosen(assigned: Sequence[Assigned]) -> dict[tuple[Any, ...], Assigned]:
    return {(part.candidate.pool.name, *_key(part.candidate.rating)): part for part in assigned}


def _key(choice: Option | Rated) -> tuple[str, str, Shape]:
    return (choice.offer.model.name, choice.offer.form.name, choice.shape)


def _judged(pool: Pool, choice: Option | Rated, problem: Problem) -> Judged:
    rating = None if isinstance(choice, Option) else choice
    option = choice if isinstance(choice, Option) else choice.option
    price = pool.price_per_device_hour
    return Judged(
        pool=pool.name,
        accelerator=pool.accelerator.name,
        model=option.offer.model.name,
        quantization=option.offer.form.name,
        shape=option.shape,
        on_cpu=option.kind.on_cpu,
        reason=problem.reason,
        number=problem.number,
        fit=option.fit,
        rating=rating,
        cost_per_hour=None if price is None or rating is None else cost_per_hour(price, rating.devices),
    )


def _taken(pool: Pool, part: Assigned) -> Judged:
    rating = part.candidate.rating
    number = f"{counted(part.replicas, 'replica')} with {counted(rating.share, 'request')} in flight each"
    made = _judged(pool, rating, Problem(Reason.OTHER_PREFERRED, number))
    return Judged(
        **{name: getattr(made, name) for name in Judged.__slots__ if name not in {"reason", "number"}},
        reason=None,
        number=number,
    )


def _unselected(pool: Pool, problem: Problem) -> Judged:
    on_cpu = not pool.resource_name
    return Judged(pool.name, pool.accelerator.name, "", "", Shape(1), on_cpu, problem.reason, problem.number)


def _named(field: Field, miss: Judged) -> str:
    """The label, without the model where there is only one."""
    if len({offer.model.name for offer in field.wanted.offers}) > 1 or not miss.model:
        return miss.label
    return miss.label.replace(f"{miss.model} ", "", 1)
