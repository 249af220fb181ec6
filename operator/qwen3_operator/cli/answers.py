"""The planner's answers to several documents, as the operator would give them one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.status import PlanStatus, Rejection
from qwen3_operator.inventory import Reservation
from qwen3_operator.sizing import evaluate
from qwen3_operator.sizing.judge import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qwen3_operator.catalog import Catalog
    from qwen3_operator.cli.documents import Document
    from qwen3_operator.cli.snapshot import Snapshot
    from qwen3_operator.sizing import Evaluation, Judged, PlanFailure

_LOOKED_AT = 500
"""Nearest candidates among which each pool and format is looked for."""


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

    @property
    def is_wrong(self) -> bool:
        """Whether the spec names something that does not exist, or asks for what no hardware could give."""
        return self.evaluation.field is None

    def rejected(self, *, everything: bool) -> Sequence[Rejection]:
        """Candidates that were not taken: as the status has them, or all in the order of pools and shapes."""
        if not everything:
            return self.found.rejected
        return self._rejections(found for found in self.evaluation.candidates if found.reason is not None)

    def alternatives(self, count: int) -> list[Rejection]:
        """The nearest candidate of each pool, model and format that was not taken, at most so many."""
        field = self.evaluation.field
        if field is None:
            return []
        first: dict[tuple[str, str, str], Judged] = {}
        for found in nearest(field, self.evaluation.assigned, _LOOKED_AT):
            first.setdefault((found.pool, found.model, found.quantization), found)
        return self._rejections(list(first.values())[:count])

    def _rejections(self, found: Iterable[Judged]) -> list[Rejection]:
        """The model is left out of the label where there is only one."""
        field = self.evaluation.field
        alone = field is not None and len({offer.model.name for offer in field.wanted.offers}) == 1
        labels = (
            (one, one.label.replace(f"{one.model} ", "", 1) if alone and one.model else one.label) for one in found
        )
        return [Rejection(candidate=label, reason=str(one.reason), number=one.number) for one, label in labels]

    def to_json(self, *, everything: bool) -> dict[str, Any]:
        """For programs: the plan as ``status.plan`` would hold it, or the failure."""
        name = {"namespace": self.document.namespace, "name": self.document.name, "fits": self.fits}
        rejected = [rejection.to_json() for rejection in self.rejected(everything=everything)]
        if isinstance(self.found, PlanStatus):
            return name | {"plan": self.found.to_json() | {"rejected": rejected}}
        counts = {str(reason): count for reason, count in self.found.rejected_counts.items()}
        failure = {"reason": str(self.found.reason), "message": self.found.message, "rejected": rejected}
        return name | {"failure": failure | {"rejectedCounts": counts}}


def answers(documents: Iterable[Document], snapshot: Snapshot, catalog: Catalog) -> list[Answer]:
    """One answer per document, in order; what a plan takes is gone for those after it."""
    result: list[Answer] = []
    promised: list[Reservation] = []
    for document in documents:
        answer = Answer(document, evaluate(document.spec, snapshot.inventory(catalog, document.key, promised), catalog))
        result.append(answer)
        if isinstance(answer.found, PlanStatus):
            promised += [Reservation.of(placed, document.namespace) for placed in answer.found.placements]
    return result
