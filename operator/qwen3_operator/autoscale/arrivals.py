"""What arrived between two looks: at the gateway and straight at the pods, or at the pods alone. Pure.

The gateway keeps requests from pods that are full, so what arrives there is the demand, and what arrives at the pods is
what they could take. A pod tells apart what the gateway sent (it has counted that before) and what came past it, so
the gateway's requests and the pods' direct ones add up to all, with none in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qwen3_operator.autoscale.samples import GatewaySample, PodSample

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Arrived:
    """Of one deployment."""

    requests: float = 0.0
    bytes: float = 0.0
    """Of their bodies."""
    missed: float = 0.0
    """Requests late for their first token, as the gateway counted."""
    direct_share: float = 1.0
    """Of the requests that reached pods, those that the gateway did not count."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway's pods, as one deployment's series show them."""

    pods: Mapping[str, GatewaySample] = field(default_factory=dict)
    is_whole: bool = False
    """Every pod that must be there is; else the pods of the deployment are asked alone."""
    is_missing: bool = False
    """It routes to the deployment and is not whole."""

    @staticmethod
    def of(found: Mapping[str, GatewaySample], expected: frozenset[str] | None) -> Gateway:
        """What was read of it.

        Args:
            found: By pod of the gateway.
            expected: Names of its pods whose metrics must be there by now; None: it does not route to the deployment.
        """
        if expected is None:
            return Gateway()
        is_whole = bool(found) and expected <= found.keys()
        return Gateway(found, is_whole, is_missing=not is_whole)


def arrived(
    pods: Mapping[str, PodSample],
    old_pods: Mapping[str, PodSample],
    gateway: Gateway,
    old_gateways: Mapping[str, GatewaySample],
) -> Arrived:
    """What came since the last look.

    A pod of the gateway that was not read then is no measure yet: it may have been out of sight for long, and what it
    counted meanwhile did not come now.
    """
    grown = [_since(sample, old_pods.get(pod)) for pod, sample in pods.items()]
    everything = sum(one.arrived for one in grown)
    if not gateway.is_whole or not gateway.pods.keys() <= old_gateways.keys():
        return Arrived(everything, sum(one.arrived_bytes for one in grown))
    fronts = [_asked_since(sample, old_gateways[pod]) for pod, sample in gateway.pods.items()]
    direct = sum(one.direct for one in grown)
    return Arrived(
        sum(one.arrived for one in fronts) + direct,
        sum(one.arrived_bytes for one in fronts) + sum(one.direct_bytes for one in grown),
        missed=sum(one.missed for one in fronts),
        direct_share=direct / everything if everything else 0.0,
    )


def _since(now: PodSample, old: PodSample | None) -> PodSample:
    """A pod that is new, or counts less than before, began at zero."""
    if old is None or now.arrived < old.arrived or now.arrived_bytes < old.arrived_bytes:
        return now
    return PodSample(
        now.arrived - old.arrived,
        now.arrived_bytes - old.arrived_bytes,
        direct=max(0.0, now.direct - old.direct),
        direct_bytes=max(0.0, now.direct_bytes - old.direct_bytes),
    )


def _asked_since(now: GatewaySample, old: GatewaySample) -> GatewaySample:
    if now.arrived < old.arrived or now.arrived_bytes < old.arrived_bytes or now.missed < old.missed:
        return now
    return GatewaySample(
        now.arrived - old.arrived, now.arrived_bytes - old.arrived_bytes, missed=now.missed - old.missed
    )
