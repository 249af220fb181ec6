"""The shortest targets that something meets, where nothing meets those asked for."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, log10
from typing import TYPE_CHECKING

from qwen3_operator.sizing.attempts import Attempt, says
from qwen3_operator.sizing.text import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen3_operator.sizing.field import Field
    from qwen3_operator.sizing.needs import Targets, Wanted

_LONGEST = 100.0
"""Times by which targets are made longer at most."""
_NEAR = 1.05
"""Two factors that are so close are taken for one."""
_SURE = 1e-6


def longer_targets(field: Field, fits: Callable[[Wanted], bool]) -> Iterator[Attempt]:
    """One target made longer, whichever by less; where that is not enough both; then none."""
    wanted, targets = field.wanted, field.wanted.targets
    if not targets.asked or all(rating.problem is None for group in field.groups for rating in group.ratings):
        return

    def met(first: float, each: float) -> bool:
        return fits(replace(wanted, targets=_longer(targets, first, each)))

    found: list[tuple[float, float]] = []
    if targets.first_token is not None and (factor := _least(lambda factor: met(factor, 1))):
        found.append((factor, 1.0))
    if targets.output_token is not None and (factor := _least(lambda factor: met(1, factor))):
        found.append((1.0, factor))
    if not found and (factor := _least(lambda factor: met(factor, factor))):
        first = _least(lambda shorter: met(shorter, factor), factor) or factor
        found.append((first, _least(lambda shorter: met(first, shorter), factor) or factor))
    for factors in sorted(found, key=max):
        changed = _longer(targets, *factors)
        yield Attempt(replace(wanted, targets=changed), says(_words(targets, changed)))
    yield Attempt(replace(wanted, targets=replace(targets, first_token=None, output_token=None)), says("no spec.slo"))


def _least(good: Callable[[float], bool], high: float = _LONGEST) -> float | None:
    """The smallest good factor, by bisection: what meets targets meets longer ones."""
    low = 1.0
    if not good(high):
        return None
    while high / low > _NEAR:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def _longer(targets: Targets, first: float, each: float) -> Targets:
    return replace(
        targets,
        first_token=_rounded(targets.first_token, first),
        output_token=_rounded(targets.output_token, each),
    )


def _rounded(time: float | None, factor: float) -> float | None:
    """Times the factor, rounded up to two digits as a person would write it; as it is for a factor of one."""
    if time is None or factor == 1:
        return time
    unit = 10.0 ** (int(log10(time * factor * 1e6)) - 7)
    return ceil(time * factor / unit - _SURE) * unit


def _words(before: Targets, after: Targets) -> str:
    words = []
    if after.first_token is not None and after.first_token != before.first_token:
        words.append(f"spec.slo.timeToFirstToken: {milliseconds(after.first_token)}")
    if after.output_token is not None and after.output_token != before.output_token:
        words.append(f"spec.slo.timePerOutputToken: {milliseconds(after.output_token)}")
    return " and ".join(words)
