"""Planner, gateway and cluster, one benchmark after the other on two cores; `make bench` adds bench.forwarding."""

from __future__ import annotations

import sys

from bench import fleet, gateway, gateway_overload, gateway_routing, operator, planner, ramp, startup


def main() -> int:
    """Run each; the exit status says whether all ran, never whether a target was met."""
    status = 0
    for benchmark in (planner, gateway, gateway_overload, gateway_routing, startup, operator, fleet, ramp):
        print(f"\n== {benchmark.__name__}: {(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
        status |= benchmark.main()
    return status


if __name__ == "__main__":
    sys.exit(main())
