"""What a user wants of the service in numbers: the load, the speed and what matters most."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from qwen3_operator.api.base import ApiModel, Rule

TokenCount = Annotated[int, Field(ge=1, le=1_048_576)]

_DURATION = r"^([1-9][0-9]*|[0-9]*[1-9][0-9]*[.][0-9]+|[0-9]+[.][0-9]*[1-9][0-9]*)(ms|s|m)$"
_DECIMAL = r"^([1-9][0-9]*|[0-9]*[1-9][0-9]*[.][0-9]+|[0-9]+[.][0-9]*[1-9][0-9]*)$"
_Z95 = 1.6449
"""95th percentile of the standard normal distribution."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def seconds(duration: str) -> float:
    """Length of a duration such as ``500ms``, ``1.5s`` or ``2m``.

    Raises:
        ValueError: it is none, or zero.
    """
    found = re.fullmatch(_DURATION, duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration above zero in ms, s or m, such as 500ms, 1.5s or 2m")
    return float(found[1]) * _SECONDS[found[2]]


def _duration(text: str) -> str:
    seconds(text)
    return text


def _positive(text: str) -> str:
    if re.fullmatch(_DECIMAL, text) is None:
        raise ValueError(f"{text!r} is no decimal number above zero such as 2 or 12.5")
    return text


# Patterns stand in CEL rules and not in the schema: only there do they come with words for a person.
Duration = Annotated[str, Field(max_length=16), AfterValidator(_duration)]
Positive = Annotated[str, Field(max_length=16), AfterValidator(_positive)]


def duration_rule(path: str, field: str, good: str) -> Rule:
    """``field`` of the type that carries the rule, at ``path`` in the spec, is a duration above zero."""
    return _format_rule(
        path, field, _DURATION, "a duration above zero such as 500ms, 1.5s or 2m", good=good, bad="fast"
    )


def decimal_rule(path: str, field: str, good: str) -> Rule:
    """``field`` of the type that carries the rule, at ``path`` in the spec, is a decimal number above zero."""
    return _format_rule(
        path, field, _DECIMAL, 'a decimal number above zero in quotes, such as "2" or "12.5"', good=good, bad="0"
    )


def _format_rule(path: str, field: str, pattern: str, words: str, *, good: str, bad: str) -> Rule:
    """Examples are put at ``path``, one level below the spec."""
    beside: dict[str, object] = {}
    if path == "workload":
        beside = {"inputTokens": {"p95": 1000}, "outputTokens": {"p95": 500}}
    return Rule(
        f"!has(self.{field}) || self.{field}.matches('{pattern}')",
        f"spec.{path}.{field} must be {words}",
        good={path: {**beside, field: good}},
        bad={path: {**beside, field: bad}},
    )


class Objective(StrEnum):
    """What decides among placements that meet the SLO."""

    COST = "Cost"
    LATENCY = "Latency"
    QUALITY = "Quality"


class Tokens(ApiModel):
    """Length of a prompt or an answer in tokens."""

    p50: TokenCount | None = None
    """Median. Times and load are predicted for the mean that follows from it and p95, which is higher the further they
    are apart. Default: p95."""
    p95: TokenCount
    """95th percentile, for which memory is sized, and what a long prompt adds to the time to first token."""

    @property
    def mean(self) -> int:
        """The length that load and times are predicted for.

        Lengths are taken to be log-normal, as the body of prompt lengths in production is (ServeGen, arXiv 2505.09999):
        exp(mu + sigma^2 / 2), at most the 95th percentile. For answers, which are nearer to exponential there, it is
        3 % more than the mean of an exponential distribution (p95 4.3 times p50).
        """
        median = self.p50 or self.p95
        sigma = math.log(self.p95 / median) / _Z95
        return min(self.p95, round(median * math.exp(sigma**2 / 2)))

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.p50) || self.p50 <= self.p95",
            "p50 of spec.workload.inputTokens and outputTokens must not exceed p95",
            good={"workload": {"inputTokens": {"p50": 300, "p95": 900}, "outputTokens": {"p95": 500}}},
            bad={"workload": {"inputTokens": {"p50": 901, "p95": 900}, "outputTokens": {"p95": 500}}},
        ),
    )


class Workload(ApiModel):
    """The load of the whole deployment.

    With spec.replicas each replica carries its share, else the plan chooses how many replicas carry it.
    """

    concurrency: Annotated[int, Field(ge=1, le=65_536)] | None = None
    """Requests in flight on all replicas together. Default: 1, or what requestsPerSecond leads to."""
    requests_per_second: Positive | None = None
    """Requests that arrive per second at all replicas together, as a decimal number in quotes, e.g. "2.5"."""
    input_tokens: Tokens | None = None
    """Prompt length. Default: memory for a request of the full context length, times for 1024 tokens."""
    output_tokens: Tokens | None = None
    """Answer length, thinking included. Default: memory for a request of the full context length, times for 512 tokens.
    Not used for models that embed or rank texts."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.outputTokens) || has(self.inputTokens)",
            "spec.workload.outputTokens needs spec.workload.inputTokens beside it",
            good={"workload": {"inputTokens": {"p95": 1000}, "outputTokens": {"p95": 500}}},
            bad={"workload": {"outputTokens": {"p95": 500}}},
        ),
        Rule(
            "!has(self.concurrency) || !has(self.requestsPerSecond)",
            "set spec.workload.concurrency or spec.workload.requestsPerSecond, not both",
            good={"workload": {"concurrency": 8}},
            bad={
                "workload": {
                    "concurrency": 8,
                    "requestsPerSecond": "2",
                    "inputTokens": {"p95": 1000},
                    "outputTokens": {"p95": 500},
                }
            },
        ),
        Rule(
            "!has(self.requestsPerSecond) || has(self.inputTokens)",
            "spec.workload.requestsPerSecond needs spec.workload.inputTokens and outputTokens: how long a request runs "
            "follows from them",
            good={
                "workload": {
                    "requestsPerSecond": "0.5",
                    "inputTokens": {"p95": 1000},
                    "outputTokens": {"p95": 500},
                }
            },
            bad={"workload": {"requestsPerSecond": "0.5"}},
        ),
        decimal_rule("workload", "requestsPerSecond", "2.5"),
    )

    @property
    def rate(self) -> float | None:
        """Requests per second, where the load is given so."""
        return float(self.requests_per_second) if self.requests_per_second else None


class ServiceLevel(ApiModel):
    """How fast answers must be under the load of spec.workload."""

    time_to_first_token: Duration | None = None
    """From the request to the first token at the percentile, e.g. 1s or 500ms."""
    time_per_output_token: Duration | None = None
    """Mean time between tokens after the first, e.g. 50ms."""
    percentile: Annotated[int, Field(ge=50, le=99)] = 95
    """Share of requests in percent that must meet timeToFirstToken."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        duration_rule("slo", "timeToFirstToken", "1.5s"),
        duration_rule("slo", "timePerOutputToken", "50ms"),
    )

    @property
    def first_token_seconds(self) -> float | None:
        """Longest time to the first token."""
        return seconds(self.time_to_first_token) if self.time_to_first_token else None

    @property
    def output_token_seconds(self) -> float | None:
        """Longest time per output token."""
        return seconds(self.time_per_output_token) if self.time_per_output_token else None

    @property
    def asked(self) -> bool:
        """Whether there is a target at all."""
        return bool(self.time_to_first_token or self.time_per_output_token)


def price(text: str | None) -> Decimal | None:
    """A decimal string as a number."""
    return Decimal(text) if text else None
