"""Tables of ``replay``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from qwen3_operator.cli.tables import plain_table
from qwen3_operator.scaling import QueueOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from qwen3_operator.scaling.simulate import Bound, Report, Setting

_NUMBERS = (
    "HOURS", "COST", "IN TIME", "WORST HOUR", "WORST TENANT", "LONGEST WAIT", "OF BEST", "OF 99 %",
    "FLIPS/DAY", "WASTED STARTS",
)  # fmt: skip


def replayed(setting: Setting, best: Bound, reports: Sequence[Report]) -> list[RenderableType]:
    """The traffic, each policy, and the least that any policy could have cost."""
    arrivals, unit = setting.arrivals, setting.unit
    order = "late ones yield to those that can still be in time" if _yields(setting) else "in order of arrival"
    table = plain_table("POLICY", *_NUMBERS, right=_NUMBERS)
    for one in reports:
        table.add_row(
            one.policy,
            f"{one.replica_hours:.1f}",
            f"{one.cost:.2f}",
            f"{one.attainment:.2%}",
            f"{one.worst_hour:.1%}",
            f"{one.worst_tenant:.1%}",
            f"{one.longest_wait_seconds:.0f} s",
            f"{one.ratio:.2f}",
            f"{one.ratio99:.2f}",
            f"{one.flips_per_day:.0f}",
            f"{one.wasted_starts} of {one.starts}",
        )
    return [
        Text(
            f"{arrivals.hours:.1f} hours, {arrivals.requests.sum():.0f} requests, work for "
            f"{arrivals.mean_replicas(unit):.2f} replicas of {unit.placement} on average"
        ),
        Text(f"a start takes {unit.startup_seconds:.0f} s, a request may wait {setting.wait:.1f} s, {order}"),
        Text(),
        table,
        Text(),
        Text(
            f"best, knowing the future: {best.clairvoyant:.1f} replica-hours with no request late, "
            f"{best.clairvoyant99:.1f} with 1 % late; the work alone is {best.work:.1f}"
        ),
    ]


def _yields(setting: Setting) -> bool:
    return setting.policy.queue is QueueOrder.DEADLINE
