"""``AdmissionReview`` of ``admission.k8s.io/v1``: what the API server asks, and what it is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

API_VERSION = "admission.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Review:
    """A Qwen3Deployment that is about to be stored."""

    uid: str
    """Of the question; the answer repeats it."""
    namespace: str
    name: str
    """Empty where the API server makes one (``generateName``)."""
    spec: Mapping[str, Any]
    """As it would be stored, defaults filled in."""
    old_spec: Mapping[str, Any]
    """As it is stored; empty for a new object."""
    status: Mapping[str, Any]
    """Of the stored object; empty for a new one."""

    @property
    def is_unchanged(self) -> bool:
        """Labels, annotations or finalizers change, and nothing that is planned."""
        return self.spec == self.old_spec


def parse(body: Mapping[str, Any]) -> Review:
    """The question in an AdmissionReview.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: it is none that can be answered.
    """
    if body["apiVersion"] != API_VERSION:
        raise ValueError(f"apiVersion {body['apiVersion']!r} instead of {API_VERSION}")
    request = body["request"]
    new, old = request.get("object") or {}, request.get("oldObject") or {}
    return Review(
        uid=request["uid"],
        namespace=request.get("namespace", ""),
        name=request.get("name", ""),
        spec=new.get("spec") or {},
        old_spec=old.get("spec") or {},
        status=old.get("status") or {},
    )


def allowed(uid: str, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """The answer: always yes; ``kubectl`` prints each warning on a line of its own."""
    response: dict[str, Any] = {"uid": uid, "allowed": True}
    if warnings:
        response["warnings"] = list(warnings)
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}
