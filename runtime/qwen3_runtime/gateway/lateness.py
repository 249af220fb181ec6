"""How much longer first tokens take than the plan says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MEMORY = 0.05
"""Weight of the newest answer: about the last twenty count."""
DEVIATIONS = 2.0
"""Above the mean; TCP waits for four above its own (RFC 6298), but here too early costs less than too late."""


@dataclass
class Lateness:
    """Of one model's replicas."""

    mean: float = 0.0
    deviation: float = 0.0
    """Seconds; the mean absolute one."""

    def add(self, seconds: float) -> None:
        """A first token came so much later than the plan says, or earlier if below 0."""
        self.deviation += MEMORY * (abs(seconds - self.mean) - self.deviation)
        self.mean += MEMORY * (seconds - self.mean)

    @property
    def margin(self) -> float:
        """Seconds by which to start sooner."""
        return max(0.0, self.mean + DEVIATIONS * self.deviation)
