"""Our gateway beside LiteLLM's proxy and sglang-router, in turns. Called by ``python -m bench.gateway``."""

from __future__ import annotations

import json
import os
import statistics
from typing import TYPE_CHECKING

import uvloop

from bench import peers
from bench.ways import Way
from tests.gateway.raw import chat_body

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.gateway.processes import GatewayProcess, Stub

CONNECTIONS, ROUNDS = 16, 5
LITELLM_TARGET, ROUTER_TARGET = 25.0, 0.4
"""Our requests a second, in those of the other."""
ADDED_TARGET_MS = {50: 2.0, 99: 8.0}
ADDED_RATIO_TARGET = 2.0
"""Added time to the first byte, in sglang-router's."""
_BODY = json.dumps(chat_body()).encode()


def main(stub: Stub, gateway: GatewayProcess, folder: Path) -> None:
    """Print requests a second and what each adds to the first byte at half load."""
    started: list[peers.Peer] = []
    try:
        started.append(peers.start_router([stub.port], folder))
        started.append(peers.start_litellm(stub.port, folder))
        print(f"load average before the side by side: {os.getloadavg()[0]:.1f}")
        uvloop.run(_measure(stub, gateway, *started))
        print(f"load average after it: {os.getloadavg()[0]:.1f}")
    finally:
        for peer in started:
            peer.kill()


def _ways(stub: Stub, gateway: GatewayProcess, others: Sequence[peers.Peer]) -> list[Way]:
    """The stub itself, the gateway and the others, in this order."""
    ours = Way("gateway", int(gateway.url.rpartition(":")[2]), gateway.process.pid)
    return [Way("stub", stub.port), ours, *(Way(peer.name, peer.port, peer.process.pid) for peer in others)]


async def _measure(stub: Stub, gateway: GatewayProcess, *others: peers.Peer) -> None:
    ways = _ways(stub, gateway, others)
    for way in ways:
        # What comes first pays for what is made at first use.
        await way.loop(CONNECTIONS, _BODY)
        way.rounds.clear()
    await _in_turns(ways, {})
    _tell_rates(*ways)
    # The gateway's half for all that can bear it; LiteLLM, the last, has its own.
    half = {way: (ways[1] if way is not ways[-1] else way).rate / 2 for way in ways}
    for way in ways:
        way.rounds.clear()
    await _in_turns(ways, half)
    _tell_added(half, *ways)
    for way in ways:
        way.close()


async def _in_turns(ways: list[Way], rates: dict[Way, float]) -> None:
    """A B C, B C A, ...: a noisy machine disturbs all alike, and none always follows the same one."""
    for number in range(ROUNDS):
        first = number % len(ways)
        for way in ways[first:] + ways[:first]:
            await (way.pace(rates[way], _BODY) if rates else way.loop(CONNECTIONS, _BODY))


def _tell_rates(stub: Way, ours: Way, router: Way, litellm: Way) -> None:
    print(f"whole answers, {CONNECTIONS} connections, medians of {ROUNDS} rounds in turns:")
    for way in (stub, ours, router, litellm):
        spent = "" if way is stub else f", {way.processor_us:.0f} us of its processor a request"
        print(f"  {way.name}: {way.rate:.0f}/s, first byte {way.first_ms(50):.2f} ms{spent}")
    for other, target in ((litellm, LITELLM_TARGET), (router, ROUTER_TARGET)):
        ratio = statistics.median(mine / its for mine, its in zip(ours.rates, other.rates, strict=True))
        print(
            f"gateway / {other.name}: {ratio:.2f} x the requests a second (target {target:g}), "
            f"{other.processor_us / ours.processor_us:.2f} x those of a processor"
        )


def _tell_added(half: dict[Way, float], stub: Way, ours: Way, router: Way, litellm: Way) -> None:
    print(f"first byte at half load, medians of {ROUNDS} rounds in turns:")
    for percent, target in ADDED_TARGET_MS.items():
        base = stub.first_ms(percent)
        added = {way: way.first_ms(percent) - base for way in (ours, router, litellm)}
        told = ", ".join(f"{way.name} adds {ms:.2f} ms at {half[way]:.0f}/s" for way, ms in added.items())
        print(f"  p{percent}: stub {base:.2f} ms; {told}")
        print(
            f"  p{percent}: gateway adds {added[ours]:.2f} ms (target {target:g}), {added[ours] / added[router]:.1f} x "
            f"{router.name} (target {ADDED_RATIO_TARGET:g})"
        )
