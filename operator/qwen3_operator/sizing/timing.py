"""The one place that asks the performance model: options in its terms, its answers in the planner's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_operator.performance import Layout, Load, largest_concurrency, speeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.performance import Speed
    from qwen3_operator.sizing.needs import Targets, Traffic, Wanted
    from qwen3_operator.sizing.options import Option

_MEDIAN, _TAIL = 50, 95
"""Percentiles of the times that a Speed holds; the first stands for the mean."""


def speeds_at(loads: Sequence[tuple[Option, float]], wanted: Wanted, catalog: Catalog) -> list[Speed | None]:
    """Speed of one replica of each option with so many requests in flight; None where nothing is known."""
    pairs = [(_layout(option, wanted, catalog), _load(option, wanted.traffic, count)) for option, count in loads]
    return speeds(pairs, catalog.performance)


def most_within(options: Sequence[Option], wanted: Wanted, catalog: Catalog) -> list[int]:
    """Most requests in flight on one replica of each option that meet the targets; 0 also where no speed is known."""
    pairs = [(_layout(option, wanted, catalog), _load(option, wanted.traffic, 1)) for option in options]
    targets = wanted.targets
    return largest_concurrency(
        pairs, targets.first_token, targets.output_token, catalog.performance, targets.percentile
    )


def first_token_at(speed: Speed, percentile: int) -> float:
    """Time to first token in seconds at a percentile between the median and the tail, by a straight line."""
    spread = speed.time_to_first_token_p95 - speed.time_to_first_token
    return speed.time_to_first_token + spread * (percentile - _MEDIAN) / (_TAIL - _MEDIAN)


def request_seconds(speed: Speed, traffic: Traffic) -> float:
    """How long a typical request takes from its arrival to its last token."""
    return speed.time_to_first_token + max(0, traffic.output_tokens - 1) * speed.time_per_output_token


def meets(speed: Speed, targets: Targets) -> bool:
    """Whether a speed keeps within both targets."""
    first, each = targets.first_token, targets.output_token
    return (first is None or first_token_at(speed, targets.percentile) <= first) and (
        each is None or speed.time_per_output_token <= each
    )


def _layout(option: Option, wanted: Wanted, catalog: Catalog) -> Layout:
    shape = option.shape
    return Layout(
        model=option.offer.model,
        accelerator=option.kind.accelerator,
        quantization=option.offer.form.name,
        engine=catalog.engine.name,
        tensor_parallel=shape.attention_parallel,
        expert_parallel=shape.expert_parallel,
        data_parallel=shape.data_parallel,
        memory_bytes=option.kind.memory_bytes,
        kv_element_bytes=wanted.kv_element_bytes,
    )


def _load(option: Option, traffic: Traffic, concurrency: float) -> Load:
    """Assumed lengths are cut down to what the context holds."""
    longest = option.offer.request_tokens
    answer = min(traffic.output_tokens, max(1, longest // 2))
    prompt = max(1, min(traffic.input_tokens, longest - answer))
    return Load(prompt, answer, concurrency, option.fit.tokens if option.fit else None)
