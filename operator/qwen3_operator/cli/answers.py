"""The planner's answers to several documents, as the operator would give them one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.status import PlanStatus
from qwen3_operator.inventory import Reservation
from qwen3_operator.sizing import PlanFailure, plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qwen3_operator.api.status import Rejection
    from qwen3_operator.catalog import Catalog
    from qwen3_operator.cli.documents import Document
    from qwen3_operator.cli.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Answer:
    """What the planner says to one document."""

    document: Document
    found: PlanStatus | PlanFailure

    @property
    def fits(self) -> bool:
        """Whether there is a plan."""
        return isinstance(self.found, PlanStatus)

    @property
    def rejected(self) -> Sequence[Rejection]:
        """The nearest candidates that were not taken."""
        return self.found.rejected

    @property
    def counts(self) -> Mapping[str, int]:
        """How many candidates fell for each reason."""
        return self.found.rejected_counts

    def to_json(self) -> dict[str, Any]:
        """For programs: the plan as ``status.plan`` would hold it, or the failure."""
        result: dict[str, Any] = {
            "namespace": self.document.namespace,
            "name": self.document.name,
            "fits": self.fits,
        }
        if isinstance(self.found, PlanStatus):
            return result | {"plan": self.found.to_json()}
        return result | {
            "failure": {
                "reason": str(self.found.reason),
                "message": self.found.message,
                "rejected": [rejection.to_json() for rejection in self.found.rejected],
                "rejectedCounts": dict(self.found.rejected_counts),
            }
        }


def answers(documents: Iterable[Document], snapshot: Snapshot, catalog: Catalog) -> list[Answer]:
    """One answer per document, in order; what a plan takes is gone for those after it."""
    result: list[Answer] = []
    promised: list[Reservation] = []
    for document in documents:
        found = plan(document.spec, snapshot.inventory(catalog, document.key, promised), catalog)
        result.append(Answer(document, found))
        if isinstance(found, PlanStatus):
            promised += [Reservation.of(placement, placement.replicas) for placement in found.placements]
    return result
