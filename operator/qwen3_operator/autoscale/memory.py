"""What the autoscaler remembers of one deployment from one look to the next, and its form in JSON."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.scaling import ScalingMode
from qwen3_operator.autoscale.correction import Correction
from qwen3_operator.autoscale.observe import Totals
from qwen3_operator.scaling import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.api.deployment import DeploymentSpec


@dataclass(frozen=True, slots=True)
class Manual:
    """Changes of ``spec.replicas`` by others."""

    replicas: int | None = None
    """As it was seen last."""
    until: float = 0.0
    """Seconds since the epoch until which the last change holds."""

    def holds(self, now: float) -> bool:
        """Whether ``spec.replicas`` is what runs."""
        return self.replicas is not None and now < self.until

    def seeing(self, spec: DeploymentSpec, now: float) -> Manual:
        """After a look at ``spec.replicas``: a number that was not there before holds for a while.

        In other modes than Auto somebody else decides anyway, and what he did holds nobody up after a change to Auto.
        No longer than that from now on either, though the clock be set back.
        """
        longest = now + spec.scaling.manual_hold_seconds
        if spec.replicas == self.replicas:
            return self if self.until <= longest else replace(self, until=longest)
        is_held = spec.replicas is not None and spec.scaling.mode is ScalingMode.AUTO
        return Manual(spec.replicas, longest if is_held else 0.0)


@dataclass(frozen=True, slots=True)
class Memory:
    """Never changed, only replaced."""

    manual: Manual
    active_at: float
    """Seconds since the epoch when a request was there last, or might have been."""
    state: State = field(default_factory=State)
    totals: Totals = field(default_factory=Totals)
    startup: Mapping[str, float] = field(default_factory=dict)
    """Seconds to readiness by pool, as measured."""
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    """Of predicted speeds, by pool."""

    def unlearned(self) -> Memory:
        """Without what decisions left: this version may not be able to go on from what another one stored."""
        return replace(self, state=State(), totals=Totals())

    def to_bytes(self) -> bytes:
        """Compressed JSON, some 20 kB. What each pod counted is left out: a gap comes with every restart."""
        value = {
            "manual": asdict(self.manual),
            "active_at": self.active_at,
            "state": self.state.to_json(),
            "startup": dict(self.startup),
            "corrections": dict(self.corrections),
        }
        return gzip.compress(json.dumps(value, separators=(",", ":")).encode(), mtime=0)

    @staticmethod
    def from_bytes(data: bytes) -> Memory:
        """What ``to_bytes`` gave.

        Raises:
            ValueError: it did not, or an operator of another version did.
        """
        try:
            value: dict[str, Any] = json.loads(gzip.decompress(data))
            state = State.from_json(value["state"])
            return Memory(
                manual=Manual(**value["manual"]),
                active_at=float(value["active_at"]),
                # What pods counted is not kept, so the first look back has no rate.
                state=state._replace(counters=None),
                startup={str(pool): float(seconds) for pool, seconds in value["startup"].items()},
                corrections={
                    str(pool): Correction(str(shape), float(factor))
                    for pool, (shape, factor) in value.get("corrections", {}).items()
                },
            )
        except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"no memory of the autoscaler: {error}") from error
