"""What has been used but is not in the shared store yet, summed per tenant and day. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_runtime.gateway.limits.types import Reservation, Tokens


@dataclass
class Pending:
    """Sums of settled requests. A few numbers, however long the store is away."""

    count: int = 0
    held_output: int = 0
    held_tokens: int = 0
    input_missing: int = 0
    output: int = 0
    tokens: int = 0
    input_surplus: dict[int, int] = field(default_factory=dict)
    """Second of booking -> input set aside too much."""

    def add(self, reservation: Reservation, used: Tokens) -> None:
        """One request more. What was let in while the store was away holds nothing there."""
        reserved = reservation.tokens
        self.output += used.output
        self.tokens += used.total
        if not reservation.shared:
            self.input_missing += used.input
            return
        self.count += 1
        self.held_output += reserved.output
        self.held_tokens += reserved.total
        missing = used.input - reserved.input
        if missing >= 0:
            self.input_missing += missing
        else:
            second = reservation.second
            self.input_surplus[second] = self.input_surplus.get(second, 0) - missing

    def arguments(self) -> tuple[int, ...]:
        """Of the script, from the count to the tokens."""
        return self.count, self.held_output, self.held_tokens, self.input_missing, self.output, self.tokens
