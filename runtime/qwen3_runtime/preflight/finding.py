"""What a check says: found, wanted, and whether the pod can go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_runtime.termination import Termination

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.config import TerminationReason


@dataclass(frozen=True)
class Finding:
    """One thing that is not as wanted, or not known to be."""

    subject: str
    found: str
    wanted: str
    reason: TerminationReason | None = None
    """Why the pod ends; None: a warning, since it may serve all the same."""

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.subject}: found {self.found}, wanted {self.wanted}"


def verdict(findings: Iterable[Finding]) -> Termination | None:
    """The end of the pod, by the first failure; its sentence has all of them. None: it can go on."""
    failures = [finding for finding in findings if finding.reason is not None]
    reason = next((finding.reason for finding in failures), None)
    return None if reason is None else Termination(reason, "; ".join(finding.sentence for finding in failures))


def unknowns(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Sentences of the warnings."""
    return tuple(finding.sentence for finding in findings if finding.reason is None)
