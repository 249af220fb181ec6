"""Recorded traffic, whatever its format: what a request is like, and arrivals for a fleet of some size."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.replay_mooncake import is_mooncake, mooncake
from qwen3_operator.cli.replay_prometheus import is_url, prometheus
from qwen3_operator.cli.replay_rows import Rows, text_of
from qwen3_operator.cli.replay_servegen import COLUMNS, RATES, servegen
from qwen3_operator.scaling.simulate import Arrivals, Rates, generated

if TYPE_CHECKING:
    from qwen3_operator.scaling import Capacity
    from qwen3_operator.scaling.queue import Numbers

_AZURE_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_PLAIN_COLUMNS = ("timestamp", "input_tokens", "output_tokens")
_LONGEST_DAYS = 400
"""Of a trace; a longer one mixes clocks."""


class TraceFormat(StrEnum):
    """Of ``--format``."""

    SERVEGEN = "servegen"
    AZURE = "azure"
    MOONCAKE = "mooncake"
    PROMETHEUS = "prometheus"
    CSV = "csv"


_COLUMNS = {
    TraceFormat.SERVEGEN: COLUMNS,
    TraceFormat.AZURE: _AZURE_COLUMNS,
    TraceFormat.CSV: _PLAIN_COLUMNS,
}


@dataclass(frozen=True)
class Requests:
    """Single requests: seconds, and tokens of each."""

    times: Numbers
    input_tokens: Numbers
    output_tokens: Numbers

    @property
    def begin(self) -> float:
        """Seconds on the trace's clock at the first request."""
        return float(self.times.min())

    @property
    def mean_tokens(self) -> tuple[float, float]:
        """Prompt and output tokens."""
        return float(self.input_tokens.mean()), float(self.output_tokens.mean())


@dataclass(frozen=True)
class Trace:
    """A trace that was read."""

    recorded: Requests | Rates
    notes: tuple[str, ...]

    @property
    def begin(self) -> float:
        """Seconds on its own clock at its first moment."""
        return self.recorded.begin

    @property
    def mean_tokens(self) -> tuple[float, float]:
        """Prompt tokens that are not in the cache, and output tokens, of a mean request."""
        return self.recorded.mean_tokens

    def arrivals(self, unit: Capacity, mean_replicas: float | None, seed: int) -> tuple[Arrivals, list[str]]:
        """Its traffic, and what was made of it.

        Args:
            unit: in whose replicas ``mean_replicas`` counts.
            mean_replicas: scale the traffic so that so many replicas would be busy; None: as it was.
            seed: of arrivals that are generated from rates.

        Raises:
            InputError: there is nothing to scale.
        """
        if isinstance(self.recorded, Rates):
            factor = 1.0 if mean_replicas is None else mean_replicas / _mean_work(self.recorded, unit)
            notes = [] if mean_replicas is None else [f"traffic times {factor:.3g}"]
            return generated(self.recorded, factor, seed), notes
        asked = self.recorded
        found = Arrivals.of(asked.times, asked.input_tokens, asked.output_tokens)
        if mean_replicas is None:
            return found, []
        there = found.mean_replicas(unit)
        if there <= 0:
            raise InputError("the trace has no tokens that --mean-replicas could scale")
        return found.times(mean_replicas / there), [f"every request stands for {mean_replicas / there:.3g}"]


def read_trace(path: str, form: TraceFormat | None, cache_tokens: float = np.inf) -> Trace:
    """A trace from a file, or from a server.

    Args:
        path: of the file, for ServeGen also the part of the name before ``.rate_10min.csv``; URL of a Prometheus.
        form: None: told by what the file begins with.
        cache_tokens: of the prefix cache, for traces that name the blocks of a prompt.

    Raises:
        InputError: it cannot be read, or is not of the format.
    """
    kind = form or _form(path)
    if kind is TraceFormat.PROMETHEUS:
        rates, notes = prometheus(path)
        return Trace(rates, tuple(notes))
    file = _file(path)
    if kind is TraceFormat.SERVEGEN:
        rates, notes = servegen(file)
        return Trace(rates, tuple(notes))
    if kind is TraceFormat.MOONCAKE:
        *columns, notes = mooncake(file, cache_tokens)
        return Trace(_checked(file, Requests(*columns)), tuple(notes))
    return Trace(_checked(file, Requests(*Rows(file).requests(_COLUMNS[kind]))), ())


def _checked(file: Path, requests: Requests) -> Requests:
    days = float(np.ptp(requests.times)) / 86400
    if days > _LONGEST_DAYS:
        raise InputError(f"{file} goes over {days:.0f} days: its times cannot be right")
    if not (requests.input_tokens.any() or requests.output_tokens.any()):
        raise InputError(f"{file} has no tokens")
    return requests


def _form(path: str) -> TraceFormat:
    if is_url(path):
        return TraceFormat.PROMETHEUS
    file = _file(path)
    begin = text_of(file).lstrip()[:65536]
    if begin.startswith("{"):
        return TraceFormat.MOONCAKE if is_mooncake(begin.partition("\n")[0]) else TraceFormat.PROMETHEUS
    header = Rows(file).header
    for form, columns in _COLUMNS.items():
        if set(columns) <= set(header):
            return form
    known = "; ".join(f"{form}: {', '.join(columns)}" for form, columns in _COLUMNS.items())
    raise InputError(f"{file} has the columns {', '.join(header) or 'none'}; known are {known}; and JSON")


def _file(path: str) -> Path:
    names = (path, f"{path}{RATES}", f"{path}{RATES}.gz")
    found = next((Path(name) for name in names if Path(name).is_file()), None)
    if found is None:
        raise InputError(f"{path} cannot be read: there is no such file, nor {path}{RATES}")
    return found


def _mean_work(rates: Rates, unit: Capacity) -> float:
    """Replicas that would be busy where the record has no hole."""
    tokens = rates.input_tokens / unit.input_tokens_per_second + rates.output_tokens / unit.output_tokens_per_second
    work = float((rates.requests_per_second * tokens).sum()) / max(1, int(rates.known.sum()))
    if work <= 0:
        raise InputError("the trace has no tokens that --mean-replicas could scale")
    return work
