"""The planner's answers to several documents, as the operator would give them one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.status import PlanStatus, Rejection
from qwen3_operator.inventory import Reservation
from qwen3_operator.sizing import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.cli.documents import Document
    from qwen3_operator.cli.snapshot import Snapshot
    from qwen3_operator.sizing import Evaluation, PlanFailure


@dataclass(frozen=True, slots=True)
class Answer:
    """What the planner says to one document."""

    document: Document
    evaluation: Evaluation

    @property
    def found(self) -> PlanStatus | PlanFailure:
        """The plan, or why there is none."""
        return self.evaluation.answer

    @property
    def fits(self) -> bool:
        """Whether there is a plan."""
        return isinstance(self.found, PlanStatus)

    def rejected(self, *, everything: bool) -> Sequence[Rejection]:
        """The candidates that were not taken: the nearest first, or all in the order of pools and shapes."""
        if not everything:
            return self.found.rejected
        return [
            Rejection(candidate=found.label, reason=found.reason, number=found.number)
            for found in self.evaluation.candidates
            if found.reason is not None
        ]

    def to_json(self, *, everything: bool) -> dict[str, Any]:
        """For programs: the plan as ``status.plan`` would hold it, or the failure."""
        name = {"namespace": self.document.namespace, "name": self.document.name, "fits": self.fits}
        rejected = [rejection.to_json() for rejection in self.rejected(everything=everything)]
        if isinstance(self.found, PlanStatus):
            return name | {"plan": self.found.to_json() | {"rejected": rejected}}
        failure = {"reason": str(self.found.reason), "message": self.found.message, "rejected": rejected}
        return name | {"failure": failure | {"rejectedCounts": dict(self.found.rejected_counts)}}


def answers(documents: Iterable[Document], snapshot: Snapshot, catalog: Catalog) -> list[Answer]:
    """One answer per document, in order; what a plan takes is gone for those after it."""
    result: list[Answer] = []
    promised: list[Reservation] = []
    for document in documents:
        answer = Answer(document, evaluate(document.spec, snapshot.inventory(catalog, document.key, promised), catalog))
        result.append(answer)
        if isinstance(answer.found, PlanStatus):
            promised += [Reservation.of(placement, placement.replicas) for placement in answer.found.placements]
    return result
