"""What a pod says of weights that it found, with the field of the spec that it is about and what to do. Pure.

The runtime sees a folder; which field named it, and which model is planned, the operator knows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_operator.reconcile.diagnose import Diagnosis

_LACKING = frozenset({"FileMissing", "IndexIncomplete", "FileTruncated", "FileCorrupt"})


class _Place(NamedTuple):
    """Where weights lie that nobody fetches."""

    field: str
    path: str
    holder: str


def with_remedy(finding: Diagnosis, spec: Mapping[str, Any], model: str) -> Diagnosis:
    """The finding in terms of ``spec``; as it is where it is not about weights, or the pod fetches them.

    Args:
        finding: Of one pod.
        spec: Of the Qwen3Deployment.
        model: Name of the planned model.
    """
    is_models = finding.reason == "WeightsInvalid" and not finding.message.startswith("adapter ")
    place = _place(spec["model"]["source"]) if is_models else None
    return replace(finding, message=_words(finding, place, model)) if place else finding


def _place(source: Mapping[str, Any]) -> _Place | None:
    if claim := source.get("persistentVolumeClaim"):
        field = "spec.model.source.persistentVolumeClaim.path"
        return _Place(field, claim.get("path", ""), f"claim {claim.get('claimName')}")
    if image := source.get("image"):
        return _Place("spec.model.source.image.path", image.get("path", ""), f"image {image.get('reference')}")
    return None


def _words(finding: Diagnosis, place: _Place, model: str) -> str:
    said = finding.message
    asked = f"{place.field} is {place.path!r}" if place.path else f"{place.field} is not set"
    if finding.detail == "FolderMissing":
        return f"{asked}: {place.holder} has no such folder: {said}"
    if finding.detail == "FolderEmpty":
        return f"{asked}: nothing lies there on {place.holder}: {said}"
    if finding.detail == "ConfigMismatch":
        there = f"{place.field} ({place.path!r})" if place.path else place.field
        return f"these are not the weights of {model}: {said} Correct spec.model.name or {there}."
    if finding.detail == "QuantizationMismatch":
        return f"{said} Set spec.model.quantization to what lies there, or {place.field} to a folder of that format."
    if finding.detail in _LACKING:
        return f"the weights of {model} on {place.holder} are not whole: {said} Copy what is missing or cut anew."
    return said
