"""``replay``: what a scaling policy would have cost on recorded traffic, and what it would have missed."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from qwen3_operator.api.intent import seconds
from qwen3_operator.cli import options
from qwen3_operator.cli.catalogs import catalog_of
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.output import Format, dump, note, show
from qwen3_operator.cli.replay_capacity import MOST, cheapest_first, in_words, kv_tokens_of, replica_of
from qwen3_operator.cli.replay_plot import checked
from qwen3_operator.cli.replay_plot import plot as draw
from qwen3_operator.cli.replay_runs import document, run_policies
from qwen3_operator.cli.replay_scaling import Limits, limits
from qwen3_operator.cli.replay_trace import Trace, TraceFormat, read_trace
from qwen3_operator.cli.replay_view import replayed
from qwen3_operator.scaling import Capacity, Policy, QueueOrder
from qwen3_operator.scaling.simulate import SCALERS, Machine, Setting, requests_of

_SLO = "ttft=2s,tpot=50ms"
_DEFAULT = "adaptive"
_LONG_HOURS = 24.0
"""From which on single requests take long."""
_SLOTS = 100.0
"""Requests that a replica serves at a time where only its tokens are known."""


class Tier(StrEnum):
    """Of ``--tier``."""

    FLUID = "fluid"
    REQUEST = "request"


@command
def replay(
    more_policies: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="More policies, after --policy.", show_default=False)
    ] = None,
    *,
    trace: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="Recorded traffic: a file, .gz too; for servegen folder and prefix; for prometheus also its URL.",
        ),
    ],
    trace_format: Annotated[
        TraceFormat | None, typer.Option("--format", help="Of the trace. Default: told by what is in it.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Model of the replicas.")] = None,
    accelerator: Annotated[str | None, typer.Option(metavar="NAME", help="Accelerator of the replicas.")] = None,
    quantization: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: by the end of the model's name, else BF16.")
    ] = None,
    tensor_parallel: Annotated[
        int | None, typer.Option(min=1, help="Devices of a replica. Default: what does most per device.")
    ] = None,
    capacity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS",
            help="Instead of a model: what a replica does, tokens per second of prompt / of answer if it did nothing "
            "else, its price per hour, and how many there are: 'h100=24000/4000@2.50 x8'. Several for several "
            "placements.",
        ),
    ] = None,
    slo: Annotated[
        str, typer.Option(metavar="TARGETS", help="Time to first token, time per output token; either may be missing.")
    ] = _SLO,
    start_seconds: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="From the decision to the first request served.")
    ] = 180.0,
    mean_replicas: Annotated[
        float | None, typer.Option(min=0.01, help="Scale the traffic so that so many replicas would be busy.")
    ] = None,
    min_replicas: Annotated[int | None, typer.Option(min=1, help="Fewest replicas. Default: 1.")] = None,
    max_replicas: Annotated[int | None, typer.Option(min=1, help=f"Most replicas. Default: {MOST}.")] = None,
    scaling: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="YAML with a Qwen3Deployment: fewest, most and schedules of its spec.scaling; - is standard input.",
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the trace begins, for schedules: 2027-01-11T08:00+01:00, UTC where no zone is named. Default: "
            "as its times say; where they have no date, their second 0 is a Monday, 00:00 UTC.",
        ),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME...", help=f"Any of {', '.join(SCALERS)}. Default: {_DEFAULT}, the operator's."),
    ] = None,
    queue: Annotated[
        QueueOrder,
        typer.Option(help="Order of those that wait: in the gateway late ones yield, in the engines first come first."),
    ] = QueueOrder.DEADLINE,
    tier: Annotated[
        Tier, typer.Option(help="Work as a fluid, for weeks, or single requests on engines, for hours; needs --model.")
    ] = Tier.FLUID,
    seed: Annotated[int, typer.Option(min=0, help="Of the arrivals that are generated from rates.")] = 1,
    catalog: options.CatalogFile = None,
    output: options.Output = Format.TABLE,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE.png", help="Draw replicas against demand. Also .svg, .pdf.")
    ] = None,
) -> None:
    """Say what a scaling policy would have cost on your traffic.

    The fleet is simulated and no cluster is asked. 'adaptive' is the operator's own rule, the same function.
    """
    names = _names(policy, more_policies)
    within = limits(scaling, min_replicas, max_replicas, begin)
    bounds = _bounds(slo, within, queue)
    if plot:
        checked(plot)
    cells = {"model": model or "", "accelerator": accelerator or "", "quantization": quantization or ""}
    row = cells | {"tensor_parallel": str(tensor_parallel or "")}
    recorded, capacities, machine, words = _read(
        trace, trace_format, row, capacity or [], policy=bounds, catalog=catalog, startup=start_seconds
    )
    engine = _engine(tier, machine)
    found, notes = recorded.arrivals(capacities[0], mean_replicas, seed)
    answered = found.answered(recorded.mean_tokens[1] * (bounds.time_per_output_token or 0.0))
    slots = float(machine.slots) if machine else _SLOTS
    setting = Setting(answered, capacities, bounds, slots, within.timetable(recorded.begin))
    told = [*words, *recorded.notes, *notes, *within.notes(setting, recorded.begin)]
    _tell(told, found.hours if engine else 0.0)
    singles = requests_of(found, seed) if engine else []
    outcome = run_policies(names, setting, engine, singles, seed)
    if plot:
        draw(plot, setting, outcome.runs)
    if output is Format.TABLE:
        show(*replayed(setting, outcome.best, outcome.reports(setting)))
    else:
        head = {"trace": trace, "tier": tier.value, "seed": seed}
        dump(document(head, setting, outcome), output)


def _bounds(slo: str, within: Limits, queue: QueueOrder) -> Policy:
    """What every policy has to keep to, where no schedule says another."""
    targets = _targets(slo)
    return Policy(within.most, within.fewest, targets.get("ttft"), targets.get("tpot"), queue)


def _engine(tier: Tier, machine: Machine | None) -> Machine | None:
    """What single requests run on; None where work is a fluid."""
    if tier is Tier.FLUID:
        return None
    if machine is None:
        raise InputError("--tier request needs --model and --accelerator: a capacity in words has no step times")
    return machine


def _tell(notes: Sequence[str], hours: float) -> None:
    """What a reader should know of the numbers, and of the wait for ``hours`` of single requests."""
    if hours > _LONG_HOURS:
        note(f"note: {hours:.0f} hours of single requests take long; --tier fluid is for weeks")
    for text in notes:
        note(f"note: {text}")


def _names(first: list[str] | None, more: list[str] | None) -> list[str]:
    """The policies in the order in which they were named, each once."""
    if more and not first:
        raise InputError(f"unexpected {more[0]!r}: policies follow --policy")
    names = list(dict.fromkeys([*(first or [_DEFAULT]), *(more or ())]))
    for name in names:
        if name not in SCALERS:
            raise InputError(f"--policy {name}: there is {', '.join(SCALERS)}")
    return names


def _targets(slo: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in slo.split(","):
        name, equals, text = (piece.strip() for piece in part.partition("="))
        if name not in {"ttft", "tpot"} or not equals or name in found:
            raise InputError(f"--slo {slo!r}: want ttft=TIME, tpot=TIME or both with a comma, such as {_SLO}")
        try:
            found[name] = seconds(text)
        except ValueError as error:
            raise InputError(f"--slo {name}: {error}") from error
    return found


def _read(
    path: str,
    form: TraceFormat | None,
    row: dict[str, str],
    words: list[str],
    *,
    policy: Policy,
    catalog: str | None,
    startup: float,
) -> tuple[Trace, tuple[Capacity, ...], Machine | None, list[str]]:
    """The trace, what replicas of each placement do, the cheapest first, one as an engine, and words."""
    named = bool(row["model"] and row["accelerator"])
    if named == bool(words) or (words and any(row.values())):
        raise InputError(
            "say what a replica is: --model and --accelerator, or --capacity 'h100=24000/4000@2.50', not both"
        )
    if words:
        capacities = cheapest_first([in_words(text, startup) for text in words])
        return read_trace(path, form), capacities, None, []
    known = catalog_of(catalog)
    trace = read_trace(path, form, kv_tokens_of(row, known))
    replica = replica_of(row, trace.mean_tokens, policy, known)
    found = (replica.capacity(trace.mean_tokens, known, startup),)
    return trace, found, replica.machine(known), [f"a replica is {replica.words}"]
