"""``replay``: what a scaling policy would have cost on recorded traffic, and what it would have missed."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from qwen3_operator.api.intent import seconds
from qwen3_operator.cli import options, source
from qwen3_operator.cli.answers import answers
from qwen3_operator.cli.documents import read_deployments
from qwen3_operator.cli.errors import InputError, command
from qwen3_operator.cli.output import Format, dump, note, show
from qwen3_operator.cli.replay_capacity import MOST, cheapest_first, in_words, of_plan
from qwen3_operator.cli.replay_plot import plot as draw
from qwen3_operator.cli.replay_trace import TraceFormat, arrivals
from qwen3_operator.cli.replay_view import replayed
from qwen3_operator.cli.where import Where
from qwen3_operator.scaling import Capacity, Policy
from qwen3_operator.scaling.simulate import SCALERS, Setting, bound, report, run, scaler

_TARGET = "2s"


@command
def replay(
    *,
    trace: Annotated[
        str,
        typer.Option(metavar="FILE", help="Recorded traffic. For ServeGen .rate_10min.csv may be left out."),
    ],
    trace_format: Annotated[
        TraceFormat | None, typer.Option("--format", help="Of the trace. Default: told by its columns.")
    ] = None,
    capacity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS",
            help="What a replica does, tokens per second of prompt / of answer if it did nothing else, its price per "
            "hour, and how many there are: 'h100=24000/4000@2.50 x8'. Several for several placements.",
        ),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Instead: plan this Qwen3Deployment, as 'kubectl qwen3 plan -f FILE' does."),
    ] = None,
    inventory: options.InventoryFile = None,
    hardware: options.HardwareWords = None,
    catalog: options.CatalogFile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    policy: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"Any of {', '.join(SCALERS)}. Default: all.")
    ] = None,
    start_up: Annotated[
        float,
        typer.Option(
            "--start-up", "--start-seconds", min=0, metavar="SECONDS", help="From the decision to the first request."
        ),
    ] = 180.0,
    first_token: Annotated[
        str | None,
        typer.Option(
            "--time-to-first-token",
            metavar="TIME",
            help=f"The target. Default: of the plan's spec, else {_TARGET}.",
        ),
    ] = None,
    min_replicas: Annotated[int, typer.Option(min=1, help="Fewest replicas.")] = 1,
    max_replicas: Annotated[int, typer.Option(min=1, help="Most replicas.")] = MOST,
    mean_replicas: Annotated[
        float | None, typer.Option(min=0.01, help="Scale the traffic so that so many replicas would be busy.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the arrivals that are generated from rates.")] = 1,
    output: options.Output = Format.TABLE,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE.png", help="Draw replicas against demand. Also .svg, .pdf.")
    ] = None,
) -> None:
    """Say what a scaling policy would have cost on your traffic.

    The fleet is simulated; nothing is asked of a cluster but what a plan needs. 'adaptive' is the operator's rule.
    """
    names = list(dict.fromkeys(policy or SCALERS))
    for name in names:
        if name not in SCALERS:
            raise InputError(f"--policy {name}: there is {', '.join(SCALERS)}")
    if min_replicas > max_replicas:
        raise InputError("--min-replicas must not exceed --max-replicas")
    where = partial(source.read, Where(kubeconfig, context), inventory=inventory, hardware=hardware, catalog=catalog)
    capacities, target = _capacities(capacity, plan, where, start_up)
    found, notes = arrivals(trace, trace_format, capacities[0], mean_replicas, seed)
    bounds = Policy(max_replicas, min_replicas, time_to_first_token=_asked(first_token) or target)
    setting = Setting(found, capacities, bounds)
    for text in notes:
        note(f"note: {text}")
    best = bound(setting)
    runs = {name: run(setting, scaler(name, setting)) for name in names}
    reports = [report(name, setting, done, best) for name, done in runs.items()]
    if plot:
        draw(plot, setting, runs)
    if output is Format.TABLE:
        show(*replayed(setting, best, reports))
    else:
        head = {"trace": trace, "hours": found.hours, "requests": float(found.requests.sum())}
        dump(head | {"policies": [asdict(one) for one in reports]}, output)


def _capacities(
    words: list[str] | None, plan: str | None, found_in: Callable[[], source.Source], start_up: float
) -> tuple[tuple[Capacity, ...], float]:
    """What the replicas of each placement do, the cheapest first, and the target of the first token."""
    if (plan is None) == (not words):
        raise InputError("say what a replica does: --capacity 'h100=24000/4000@2.50', or --plan FILE, not both")
    if plan is None:
        return cheapest_first([in_words(text, start_up) for text in words or ()]), seconds(_TARGET)
    documents = read_deployments([plan])
    if len(documents) > 1:
        raise InputError(f"--plan {plan} has {len(documents)} deployments, and a trace is of one")
    known = found_in()
    answer = answers([documents[0].within(known.snapshot.namespace)], known.snapshot, known.catalog)[0]
    slo = documents[0].spec.slo
    asked = slo.first_token_seconds if slo is not None else None
    return cheapest_first(of_plan(answer, known, start_up)), asked or seconds(_TARGET)


def _asked(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return seconds(text)
    except ValueError as error:
        raise InputError(f"--time-to-first-token: {error}") from error
