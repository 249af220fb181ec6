"""The one place that asks the performance model: options in its terms, its answers in the planner's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from qwen3_operator.performance import Layout, Load, Speed, largest_concurrency, speeds
from qwen3_operator.performance.offload import ASSUMED_HOST, split_times
from qwen3_operator.performance.predict import knowledge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.catalog import Catalog, Engine
    from qwen3_operator.catalog.base import Known
    from qwen3_operator.catalog.performance import PerformanceConstants
    from qwen3_operator.sizing.needs import Targets, Traffic, Wanted
    from qwen3_operator.sizing.options import Option

_MEDIAN, _TAIL = 50, 95
"""Percentiles of the times that a Speed holds; the first stands for the mean."""


class Lengths(NamedTuple):
    """Of an option's requests, in tokens."""

    prompt: int
    answer: int
    """Means."""
    long_prompt: int
    """At the 95th percentile."""


class Timing:
    """Options that are timed together, which costs little more than timing one."""

    def __init__(self, options: Sequence[Option], wanted: Wanted, catalog: Catalog) -> None:
        self._wanted = wanted
        self._options = options
        self._constants = catalog.performance
        self._layouts = [_layout(option, wanted) for option in options]
        self._lengths = [lengths(option, wanted.traffic) for option in options]
        self._room = [option.fit.tokens if option.fit else None for option in options]
        self.known = [knowledge(layout) != "unknown" for layout in self._layouts]
        """Whether anything is known of the speed of each option."""

    def speeds(self, concurrency: Sequence[float]) -> list[Speed | None]:
        """Speed of one replica of each option with so many requests in flight; None where nothing is known."""
        found = speeds(self._pairs(concurrency), self._constants)
        for index, option in enumerate(self._options):
            if option.fit is not None and option.fit.split is not None:
                found[index] = self._split_speed(index, concurrency[index])
            found[index] = as_reported(found[index], option, self._wanted.engine, concurrency[index])
        return found

    def most(self) -> list[int | None]:
        """Most requests in flight on one replica that meet the targets; None where no speed is known."""
        targets = self._wanted.targets
        found = largest_concurrency(
            self._pairs([1.0] * len(self._layouts)),
            targets.first_token,
            targets.output_token,
            self._constants,
            targets.percentile,
        )
        for index, option in enumerate(self._options):
            if option.fit is not None and option.fit.split is not None:
                found[index] = self._most_split(index, option.fit.most)
        return [count if known else None for count, known in zip(found, self.known, strict=True)]

    def _split_speed(self, index: int, concurrency: float) -> Speed | None:
        """Of a model that lies in the host's memory in part."""
        option = self._options[index]
        return split_speed(option, self._lengths[index], concurrency, self._constants)

    def _most_split(self, index: int, held: int) -> int:
        """The most of ``held`` requests that meet the targets; times grow with them."""
        for count in range(held, 0, -1):
            speed = self._split_speed(index, float(count))
            if speed and excess(speed, self._wanted.targets) <= 1:
                return count
        return 0

    def _pairs(self, concurrency: Sequence[float]) -> list[tuple[Layout, Load]]:
        rows = zip(self._layouts, self._lengths, self._room, concurrency, strict=True)
        return [
            (layout, Load(each.prompt, each.answer, count, room, each.long_prompt))
            for layout, each, room, count in rows
        ]


def speed_of(option: Option, concurrency: float, wanted: Wanted, catalog: Catalog) -> Speed | None:
    """Speed of one replica of one option."""
    return Timing([option], wanted, catalog).speeds([concurrency])[0]


def first_token_at(speed: Speed, percentile: int) -> float:
    """Time to first token in seconds at a percentile between the median and the tail, by a straight line."""
    spread = speed.time_to_first_token_p95 - speed.time_to_first_token
    return speed.time_to_first_token + spread * (percentile - _MEDIAN) / (_TAIL - _MEDIAN)


def request_seconds(speed: Speed, traffic: Traffic) -> float:
    """How long a typical request takes from its arrival to its last token."""
    return speed.time_to_first_token + max(0, traffic.output_tokens - 1) * speed.time_per_output_token


def excess(speed: Speed, targets: Targets) -> float:
    """How far a speed is beyond the target that it misses most, as a ratio; up to 1 it meets both."""
    first = first_token_at(speed, targets.percentile) / targets.first_token if targets.first_token else 0.0
    each = speed.time_per_output_token / targets.output_token if targets.output_token else 0.0
    return max(first, each)


def as_reported(speed: Speed | None, option: Option, engine: Engine, concurrency: float) -> Speed | None:
    """The speed with the time per token that somebody saw, where somebody did; other requests share that time."""
    key = (option.offer.model.name, option.offer.form.name, option.kind.accelerator.name)
    row = next((r for r in engine.reported if (r.model, r.quantization, r.accelerator) == key), None)
    if speed is None or row is None:
        return speed
    clients = max(1.0, concurrency)
    known: Known = "reported" if clients == 1 else "calculated"
    each = clients / row.tokens_per_second
    return replace(speed, time_per_output_token=each, output_tokens_per_second=row.tokens_per_second, known=known)


def split_speed(option: Option, lengths: Lengths, concurrency: float, constants: PerformanceConstants) -> Speed | None:
    """Speed of a model that lies in the host's memory in part; None where the device's is not known.

    Requests are taken to share the time evenly: what the host computes does not get faster by being batched. A lower
    bound, not measured.
    """
    fit = option.fit
    if fit is None or fit.split is None:
        return None
    split, layers, accelerator = fit.split, fit.device_layers, option.kind.accelerator
    prompt, answer, long_prompt = lengths
    times, long_times = (
        split_times(split, layers, accelerator, host=ASSUMED_HOST, prompt=tokens, constants=constants)
        for tokens in (prompt, long_prompt)
    )
    if times is None or long_times is None:
        return None
    clients = max(1.0, concurrency)
    first, each = (time * clients for time in times)
    late = long_times[0] * clients
    whole = first + max(0, answer - 1) * each
    return Speed(first, each, late, clients * answer / whole, (prompt + answer) / whole, clients, "calculated")


def _layout(option: Option, wanted: Wanted) -> Layout:
    shape = option.shape
    return Layout(
        model=option.offer.model,
        accelerator=option.kind.accelerator,
        quantization=option.offer.form.name,
        engine=wanted.engine.name,
        tensor_parallel=shape.attention_parallel,
        expert_parallel=shape.expert_parallel,
        data_parallel=shape.data_parallel,
        memory_bytes=option.kind.memory_bytes,
        kv_element_bytes=wanted.kv_element_bytes,
        nodes=option.nodes,
    )


def lengths(option: Option, traffic: Traffic) -> Lengths:
    """Assumed lengths are cut down to what the context holds."""
    stated = Lengths(traffic.input_tokens, traffic.output_tokens, traffic.long_input_tokens)
    if not traffic.assumed:
        return stated
    longest = option.offer.request_tokens
    answer = min(stated.answer, max(1, longest // 2))
    prompt, long_prompt = (max(1, min(tokens, longest - answer)) for tokens in (stated.prompt, stated.long_prompt))
    return Lengths(prompt, answer, long_prompt)
