"""How much of the load one replica of an option carries within the targets, and so how many replicas it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from qwen3_operator.sizing.memory import on_cpu
from qwen3_operator.sizing.reasons import Problem, Reason
from qwen3_operator.sizing.text import counted, milliseconds
from qwen3_operator.sizing.timing import Timing, excess, first_token_at, request_seconds, speed_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.performance import Speed
    from qwen3_operator.sizing.needs import Targets, Wanted
    from qwen3_operator.sizing.offers import Offer
    from qwen3_operator.sizing.options import Kind, Option
    from qwen3_operator.sizing.shapes import Shape

BUSY = 0.8
"""Share of what a replica carries that a steady rate of requests may take: arrivals are uneven, and a queue at full use
grows without end. The project's choice, not measured."""
_ROUNDING = 1e-6
_ROUNDS = 4
"""Of the fixed point between requests in flight and the time that a request takes."""


@dataclass(frozen=True, slots=True)
class _Carried:
    """What one replica carries, and what it is to carry; as in ``Rated``."""

    most: int
    rate: float | None
    replicas: int
    flying: float
    """Requests in flight on each replica."""

    @property
    def share(self) -> int:
        """As a whole number."""
        return ceil(self.flying - _ROUNDING)

    @property
    def total(self) -> float:
        """Requests per second of all replicas."""
        return (self.rate or 0.0) * self.replicas


@dataclass(frozen=True, slots=True)
class Rated:
    """An option that fits in memory, under the load."""

    option: Option
    most: int
    """Requests in flight on one replica for which memory suffices and the targets are met; 0: not even one."""
    rate: float | None
    """Requests per second that a replica is given at most, 0 where no speed is known; None where the load is not given
    so."""
    replicas: int
    """That carry the load; at least one."""
    share: int
    """Requests in flight on each of them."""
    speed: Speed | None
    """At that share; None where nothing is known."""
    problem: Problem | None
    """Why it does not carry the load."""
    doubtful: bool
    """Whether the targets cannot be judged for want of a speed."""
    excess: float
    """How far the targets are missed, as a ratio; up to 1 they are met. 0 without targets or speed."""

    @property
    def offer(self) -> Offer:
        """Model and format."""
        return self.option.offer

    @property
    def shape(self) -> Shape:
        """Devices of one replica."""
        return self.option.shape

    @property
    def kind(self) -> Kind:
        """Kind of device."""
        return self.option.kind

    @property
    def is_split(self) -> bool:
        """Whether a part of the model is computed by the host."""
        return self.option.fit is not None and self.option.fit.split is not None

    @property
    def nodes(self) -> int:
        """Nodes of one replica."""
        return self.option.nodes

    @property
    def devices(self) -> int:
        """Of all replicas."""
        return self.replicas * self.shape.devices

    @property
    def unit(self) -> float:
        """Load that one replica carries: requests in flight, or per second."""
        return float(self.most) if self.rate is None else self.rate


def rated(options: Sequence[Option], wanted: Wanted, catalog: Catalog) -> list[Rated]:
    """Ratings of options that fit in memory, in the same order."""
    timing = Timing(options, wanted, catalog)
    most = [_held(option) for option in options]
    if wanted.targets.asked:
        within = timing.most()
        most = [held if count is None else min(held, count) for held, count in zip(most, within, strict=True)]
    carried = _by_rate(timing, most, wanted) if wanted.traffic.rate is not None else _by_count(most, wanted)
    speeds = timing.speeds([max(1.0, load.flying) if load.most else 1.0 for load in carried])
    rows = zip(options, carried, speeds, strict=True)
    return [_rated(option, wanted, load, speed) for option, load, speed in rows]


def _by_count(most: Sequence[int], wanted: Wanted) -> list[_Carried]:
    """The load is given in requests in flight."""
    traffic, carried = wanted.traffic, []
    for count in most:
        replicas = traffic.replicas or max(1, ceil(traffic.concurrency / max(1, count)))
        carried.append(_Carried(count, None, replicas, traffic.share(replicas)))
    return carried


def _by_rate(timing: Timing, most: Sequence[int], wanted: Wanted) -> list[_Carried]:
    """The load is given in requests per second: how many are in flight follows from how long each takes."""
    traffic, rate = wanted.traffic, wanted.traffic.rate or 0.0
    speeds = timing.speeds([float(max(1, count)) for count in most])
    rates = [BUSY * m / request_seconds(s, traffic) if s else 0.0 for m, s in zip(most, speeds, strict=True)]
    replicas = [traffic.replicas or max(1, ceil(rate / each) if each else 1) for each in rates]
    flying = [float(max(1, count)) for count in most]
    for _ in range(_ROUNDS):
        flying = [
            min(max(1.0, rate / count * request_seconds(speed, traffic)), limit) if speed else 1.0
            for count, speed, limit in zip(replicas, speeds, flying, strict=True)
        ]
        speeds = timing.speeds(flying)
    return [_Carried(*row) for row in zip(most, rates, replicas, flying, strict=True)]


def with_share(rating: Rated, replicas: int, share: int, wanted: Wanted, catalog: Catalog) -> Rated:
    """The rating for so many replicas with so many requests in flight on each, within what it carries."""
    option = grown(rating.option, wanted, share)
    speed = speed_of(option, float(share), wanted, catalog)
    return replace(rating, option=option, replicas=replicas, share=share, speed=speed)


def grown(option: Option, wanted: Wanted, share: int) -> Option:
    """On CPU nodes the pod's memory follows what its replica is to hold."""
    if not option.kind.on_cpu or option.fit is None:
        return option
    return replace(option, fit=on_cpu(option.fit.cut, wanted.engine, option.kind.memory_bytes, share))


def _held(option: Option) -> int:
    """Requests that memory holds."""
    return option.fit.most if option.fit else 0


def _rated(option: Option, wanted: Wanted, load: _Carried, speed: Speed | None) -> Rated:
    problem = _problem(option, wanted, load, speed)
    return Rated(
        option=option if problem else grown(option, wanted, load.share),
        # Times need not grow evenly with the requests: what meets the targets at its share carries it.
        most=load.most if problem else max(load.most, load.share),
        rate=load.rate,
        replicas=load.replicas,
        share=load.share,
        speed=speed,
        problem=problem,
        doubtful=speed is None and (wanted.targets.asked or load.rate is not None),
        excess=excess(speed, wanted.targets) if speed else 0.0,
    )


def _problem(option: Option, wanted: Wanted, load: _Carried, speed: Speed | None) -> Problem | None:
    held = _held(option)
    if load.rate is None and load.share > held:
        number = f"{load.share} requests in flight on a replica, the engine runs {held}"
        return Problem(Reason.MAX_RUNNING_REQUESTS, number)
    if speed is None:
        if load.rate is not None and wanted.traffic.replicas is None:
            return Problem(Reason.SPEED_UNKNOWN, "requests per second cannot be turned into replicas")
        return None
    if not load.most or excess(speed, wanted.targets) > 1:
        return _missed(speed, wanted.targets, load.share if load.most else 1)
    if load.rate is None or load.total >= (wanted.traffic.rate or 0.0) * (1 - _ROUNDING):
        return None
    number = f"{wanted.traffic.rate:g} requests per second, {counted(load.replicas, 'replica')} carry {load.total:.3g}"
    return Problem(Reason.LOAD_TOO_HIGH, number)


def _missed(speed: Speed, targets: Targets, share: int) -> Problem:
    """The target that is missed by more."""
    first, each = first_token_at(speed, targets.percentile), speed.time_per_output_token
    at = f"at {counted(share, 'request')} in flight per replica"
    if targets.first_token and first / targets.first_token >= excess(speed, targets):
        number = f"first token after {milliseconds(first)} {at}, spec.slo allows {milliseconds(targets.first_token)}"
        return Problem(Reason.TIME_TO_FIRST_TOKEN, number)
    number = f"{milliseconds(each)} per token {at}, spec.slo allows {milliseconds(targets.output_token or 0.0)}"
    return Problem(Reason.TIME_PER_OUTPUT_TOKEN, number)
