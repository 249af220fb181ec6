"""How much of the load one replica of an option carries within the targets, and so how many replicas it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from qwen3_operator.sizing.memory import on_cpu
from qwen3_operator.sizing.reasons import Problem, Reason
from qwen3_operator.sizing.text import milliseconds
from qwen3_operator.sizing.timing import first_token_at, meets, most_within, request_seconds, speeds_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.performance import Speed
    from qwen3_operator.sizing.needs import Targets, Wanted
    from qwen3_operator.sizing.offers import Offer
    from qwen3_operator.sizing.options import Kind, Option
    from qwen3_operator.sizing.shapes import Shape

_ROUNDS = 4
"""Of the fixed point between requests in flight and the time that a request takes."""


@dataclass(frozen=True, slots=True)
class _Carried:
    """What one replica carries, and what it is to carry; as in ``Rated``."""

    most: int
    rate: float | None
    replicas: int
    share: int

    def carries(self, wanted: Wanted) -> bool:
        """Whether so many replicas carry the load."""
        if self.rate is None:
            return self.share <= self.most
        return self.rate * self.replicas >= (wanted.traffic.rate or 0.0)


@dataclass(frozen=True, slots=True)
class Rated:
    """An option that fits in memory, under the load."""

    option: Option
    most: int
    """Requests in flight on one replica for which memory suffices and the targets are met; 0: not even one."""
    rate: float | None
    """Requests per second that so many in flight come to; None where the load is not given so, or unknown."""
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
    def devices(self) -> int:
        """Of all replicas."""
        return self.replicas * self.shape.devices

    @property
    def unit(self) -> float:
        """Load that one replica carries: requests in flight, or per second."""
        return float(self.most) if self.rate is None else self.rate


def rated(options: Sequence[Option], wanted: Wanted, catalog: Catalog) -> list[Rated]:
    """Ratings of options that fit in memory, in the same order."""
    within = most_within(options, wanted, catalog) if wanted.targets.asked else [0] * len(options)
    alone = speeds_at([(option, 1.0) for option in options], wanted, catalog)
    most = [
        min(_held(option), count) if speed and wanted.targets.asked else _held(option)
        for option, count, speed in zip(options, within, alone, strict=True)
    ]
    if wanted.traffic.rate is not None:
        return _by_rate(options, most, wanted, catalog)
    traffic = wanted.traffic
    carried = []
    for count in most:
        replicas = traffic.replicas or max(1, ceil(traffic.concurrency / max(1, count)))
        carried.append(_Carried(count, None, replicas, traffic.share(replicas)))
    speeds = speeds_at([(o, float(c.share)) for o, c in zip(options, carried, strict=True)], wanted, catalog)
    rows = zip(options, carried, speeds, alone, strict=True)
    return [_rated(option, wanted, load, speed if load.most else one) for option, load, speed, one in rows]


def _by_rate(options: Sequence[Option], most: Sequence[int], wanted: Wanted, catalog: Catalog) -> list[Rated]:
    """The load is given in requests per second: how many are in flight follows from how long each takes."""
    traffic = wanted.traffic
    wanted_rate = traffic.rate or 0.0
    full = speeds_at([(o, float(max(1, m))) for o, m in zip(options, most, strict=True)], wanted, catalog)
    rates = [m / request_seconds(s, traffic) if s else 0.0 for m, s in zip(most, full, strict=True)]
    replicas = [traffic.replicas or max(1, ceil(wanted_rate / rate) if rate else 1) for rate in rates]
    each = [wanted_rate / count for count in replicas]
    flying = [float(max(1, count)) for count in most]
    speeds = full
    for _ in range(_ROUNDS):
        flying = [
            min(max(1.0, rate * request_seconds(speed, traffic)), count) if speed else 1.0
            for rate, speed, count in zip(each, speeds, flying, strict=True)
        ]
        speeds = speeds_at(list(zip(options, flying, strict=True)), wanted, catalog)
    carried = [_Carried(m, r, n, ceil(f)) for m, r, n, f in zip(most, rates, replicas, flying, strict=True)]
    return [_rated(o, wanted, load, speed) for o, load, speed in zip(options, carried, speeds, strict=True)]


def with_share(rating: Rated, replicas: int, share: int, wanted: Wanted, catalog: Catalog) -> Rated:
    """The rating for so many replicas with so many requests in flight on each, within what it carries."""
    option = _grown(rating.option, wanted, share)
    (speed,) = speeds_at([(option, float(share))], wanted, catalog)
    return replace(rating, option=option, replicas=replicas, share=share, speed=speed)


def _grown(option: Option, wanted: Wanted, share: int) -> Option:
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
        option=option if problem else _grown(option, wanted, load.share),
        most=load.most,
        rate=load.rate,
        replicas=load.replicas,
        share=load.share,
        speed=speed,
        problem=problem,
        doubtful=speed is None and (wanted.targets.asked or load.rate is not None),
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
    if load.most and load.carries(wanted) and meets(speed, wanted.targets):
        return None
    if wanted.targets.asked:
        return _missed(speed, wanted.targets, load.share if load.most else 1)
    carried = f"{load.replicas} replicas carry {(load.rate or 0.0) * load.replicas:.3g}"
    number = f"{wanted.traffic.rate:g} requests per second, {carried} with what the KV cache holds"
    return Problem(Reason.OUT_OF_MEMORY, number)


def _missed(speed: Speed, targets: Targets, share: int) -> Problem:
    """The target that is missed by more."""
    first, each = first_token_at(speed, targets.percentile), speed.time_per_output_token
    by_first = first / targets.first_token if targets.first_token else 0.0
    by_each = each / targets.output_token if targets.output_token else 0.0
    at = f"at {share} request{'' if share == 1 else 's'} per replica"
    if by_first >= by_each:
        number = f"{milliseconds(first)} {at}, spec.slo allows {milliseconds(targets.first_token or 0.0)}"
        return Problem(Reason.TIME_TO_FIRST_TOKEN, number)
    number = f"{milliseconds(each)} {at}, spec.slo allows {milliseconds(targets.output_token or 0.0)}"
    return Problem(Reason.TIME_PER_OUTPUT_TOKEN, number)
