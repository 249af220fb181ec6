"""What one replica can do, for a replay: in words, or as the performance model predicts it for a layout."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qwen3_operator.cli.errors import InputError
from qwen3_operator.performance import Layout, Load, largest_concurrency, speeds
from qwen3_operator.performance.coefficients import coefficients
from qwen3_operator.performance.gather import prefill_chunk
from qwen3_operator.performance.predict import MOST_CLIENTS
from qwen3_operator.performance.rates import shorter, token_rates
from qwen3_operator.performance.replay import Schedule, StepTimes
from qwen3_operator.scaling import Capacity
from qwen3_operator.scaling.simulate import Machine
from qwen3_operator.sizing.row_names import RowError
from qwen3_operator.sizing.rows import pair_of, predict_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.performance import Speed
    from qwen3_operator.scaling import Policy

MOST = 1000
"""Replicas where nothing limits them."""
_SPLITS = (1, 2, 4, 8)
"""Devices of a replica that are tried where none is asked for."""
_WORDS = re.compile(
    r"(?P<name>[^=]+)=(?P<input>[0-9.]+)/(?P<output>[0-9.]+)(?:\s*@(?P<price>[0-9.]+))?(?:\s*x(?P<most>[0-9]+))?"
)


def in_words(text: str, startup: float) -> Capacity:
    """A capacity such as ``h100=24000/4000@2.50 x8``.

    Raises:
        InputError: it is not of that form.
    """
    found = _WORDS.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError("not of the form NAME=INPUT/OUTPUT[@PRICE][ xMOST]")  # noqa: TRY301  # one message for both
        return Capacity(
            placement=found["name"].strip(),
            input_tokens_per_second=float(found["input"]),
            output_tokens_per_second=float(found["output"]),
            startup_seconds=startup,
            available=int(found["most"] or MOST),
            price_per_hour=float(found["price"] or 1),
        )
    except ValueError as error:
        raise InputError(f"--capacity {text!r}: {error}; e.g. 'h100=24000/4000@2.50 x8'") from error


def cheapest_first(capacities: list[Capacity]) -> tuple[Capacity, ...]:
    """By the price of a token in and a token out; the first is the unit of the replay.

    Raises:
        InputError: two have the same name.
    """
    names = [one.placement for one in capacities]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"--capacity: {min(twice)!r} occurs twice")
    return tuple(sorted(capacities, key=lambda one: one.price_per_hour * one.work(1, 1)))


@dataclass(frozen=True)
class Replica:
    """A layout and the tokens that its KV cache holds."""

    layout: Layout
    kv_tokens: int
    clients: int
    """That it serves at a time within the targets."""

    @property
    def words(self) -> str:
        """Name of the layout."""
        layout = self.layout
        return (
            f"{layout.model.name} {layout.quantization} on {layout.tensor_parallel} {layout.accelerator.name}, "
            f"{self.clients} requests at a time"
        )

    def machine(self, catalog: Catalog) -> Machine:
        """It as an engine that serves single requests."""
        layout = self.layout
        step = int(prefill_chunk(layout))
        schedule = Schedule(mixed=False, step_tokens=step, most_running=MOST_CLIENTS, kv_tokens=self.kv_tokens)
        times = StepTimes(layout, coefficients(catalog.performance, [layout.accelerator]), schedule)
        return Machine(times, schedule, self.clients)

    def capacity(self, tokens: tuple[float, float], catalog: Catalog, startup: float) -> Capacity:
        """What it does of requests with so many prompt and output tokens, at the most clients that keep the targets."""
        inputs, outputs = _whole(tokens)
        asked = ((inputs, self.clients), (shorter(inputs), self.clients), (inputs, 1))
        pairs = [(self.layout, Load(length, outputs, count, self.kv_tokens)) for length, count in asked]
        usual, with_shorter, alone = _known(speeds(pairs, catalog.performance), self.layout)
        rates = token_rates(inputs, outputs, usual, with_shorter)
        return Capacity(
            placement=self.layout.accelerator.name,
            input_tokens_per_second=rates.prompt,
            output_tokens_per_second=rates.output,
            startup_seconds=startup,
            available=MOST,
            first_token_seconds=alone.time_to_first_token,
            output_token_seconds=alone.time_per_output_token,
        )


def kv_tokens_of(row: dict[str, str], catalog: Catalog) -> float:
    """Tokens that the cache of a layout holds; of the smallest that fits where no tensor parallelism is asked for."""
    for split in _splits(row):
        cells = predict_rows([row | {"tensor_parallel": split}], catalog)[0]
        if cells["valid"] == "true" and cells["max_kv_tokens"]:
            return float(cells["max_kv_tokens"])
    return np.inf


def replica_of(row: dict[str, str], tokens: tuple[float, float], policy: Policy, catalog: Catalog) -> Replica:
    """The layout of a row, as ``kubectl qwen3 predict`` reads it, if it keeps the targets.

    Args:
        row: model, accelerator, quantization and tensor_parallel; where the last is empty, what does most per device.
        tokens: prompt and output tokens of a request.
        policy: the targets.
        catalog: that knows the names.

    Raises:
        InputError: a name is not known, the layout does not run, its speed is not known or misses the targets.
    """
    inputs, outputs = _whole(tokens)
    reason, found = "", list[tuple[float, Replica]]()
    for split in _splits(row):
        asked = row | {"tensor_parallel": split, "input_tokens": str(inputs), "output_tokens": str(outputs)}
        cells = predict_rows([asked], catalog)[0]
        if cells["valid"] != "true" or cells["source"] == "unknown":
            reason = reason if cells["valid"] == "false" and reason else cells["reason"]
            continue
        try:
            layout, load = pair_of(asked, catalog)
        except RowError as error:
            raise InputError(str(error)) from error
        targets = (policy.time_to_first_token, policy.time_per_output_token)
        clients = largest_concurrency([(layout, load)], *targets, catalog.performance)[0]
        if clients:
            replica = Replica(layout, load.kv_tokens or 0, clients)
            speed = _known(speeds([(layout, replace(load, concurrency=clients))], catalog.performance), layout)[0]
            found.append((speed.output_tokens_per_second / layout.devices, replica))
        else:
            reason = f"a single request of {inputs} + {outputs} tokens misses --slo on {split} device(s)"
    if not found:
        raise InputError(f"--model {row['model']} --accelerator {row['accelerator']}: {reason}")
    return max(found, key=lambda one: one[0])[1]


def _splits(row: dict[str, str]) -> Sequence[str]:
    return [row["tensor_parallel"]] if row.get("tensor_parallel") else [str(count) for count in _SPLITS]


def _whole(tokens: tuple[float, float]) -> tuple[int, int]:
    return max(1, round(tokens[0])), max(1, round(tokens[1]))


def _known(found: Sequence[Speed | None], layout: Layout) -> list[Speed]:
    known = [speed for speed in found if speed is not None]
    if len(known) < len(found):
        raise InputError(f"no speed is known for {layout.model.name} on {layout.accelerator.name}: say --capacity")
    return known
