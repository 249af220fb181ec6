"""Where the pod is on its way to the first token, and how long each step took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qwen3_runtime.config import Phase, PhaseRecord, PhaseReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from qwen3_runtime.config import AdapterReport, RuntimeConfig
    from qwen3_runtime.sources import FetchProgress, WeightsOrigin

_REPORTED_STAYS = 64
"""The newest phases of a report: a source that fails for days must not make it grow for days."""


def first_phase(config: RuntimeConfig) -> Phase:
    """Where a pod begins."""
    return Phase.CHECKING_DEVICES if config.npus is not None else weights_phase(config)


def weights_phase(config: RuntimeConfig) -> Phase:
    """How a pod comes to its weights."""
    return Phase.FETCHING_WEIGHTS if config.fetched else Phase.CHECKING_WEIGHTS


@dataclass(frozen=True)
class _Stay:
    phase: Phase
    began: float
    ended: float | None = None


class Phases:
    """The current phase, its reason, and every phase before it. Times are seconds since the epoch."""

    def __init__(self, clock: Callable[[], float], first: Phase = Phase.CHECKING_WEIGHTS) -> None:
        self._clock = clock
        self._stays = [_Stay(first, clock())]
        self._reason = ""
        self._message = ""
        self.progress: FetchProgress | None = None
        """How far the weights are fetched; None where nothing is to be fetched."""
        self.weights_origin: WeightsOrigin | None = None
        """How the weights came here; None where nothing is to be fetched, and until then."""
        self.warnings: tuple[str, ...] = ()
        """Of the check of the devices."""
        self.adapters: tuple[AdapterReport, ...] = ()
        """Of a list that is followed."""

    @property
    def current(self) -> Phase:
        """Phase the pod is in."""
        return self._stays[-1].phase

    def passed(self, phase: Phase) -> bool:
        """Whether the pod is or ever was in ``phase``."""
        return any(stay.phase is phase for stay in self._stays)

    def enter(self, phase: Phase, reason: str = "", message: str = "") -> bool:
        """Go to ``phase``, or only change its reason. False when nothing changed.

        ``Failed`` is final: what happens while the process ends must not hide why it ends.
        """
        if self.current is Phase.FAILED or (self.current, self._reason, self._message) == (phase, reason, message):
            return False
        if phase is not self.current:
            now = self._clock()
            last = self._stays[-1]
            self._stays[-1] = _Stay(last.phase, last.began, now)
            self._stays.append(_Stay(phase, now))
        self._reason, self._message = reason, message
        return True

    def show(self, progress: FetchProgress) -> None:
        """Publish how far the weights are fetched."""
        self.progress = progress

    def report(self) -> PhaseReport:
        """Body of ``GET /phase``."""
        return PhaseReport(
            phase=self.current,
            reason=self._reason,
            message=self._message,
            progress=self.progress,
            weights_origin=self.weights_origin,
            warnings=self.warnings,
            adapters=self.adapters,
            history=tuple(
                PhaseRecord(
                    phase=stay.phase,
                    started_at=_rfc3339(stay.began),
                    finished_at=None if stay.ended is None else _rfc3339(stay.ended),
                )
                for stay in self._stays[-_REPORTED_STAYS:]
            ),
        )

    def seconds(self) -> dict[Phase, float]:
        """Seconds spent in each phase so far; phases never entered are absent."""
        totals: dict[Phase, float] = {}
        for stay in self._stays:
            ended = self._clock() if stay.ended is None else stay.ended
            totals[stay.phase] = totals.get(stay.phase, 0.0) + ended - stay.began
        return totals


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
