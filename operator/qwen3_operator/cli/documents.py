"""Qwen3Deployments from the files that people apply."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.api.base import API_VERSION
from qwen3_operator.api.deployment import KIND
from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.fields import checked_spec
from qwen3_operator.cli.files import read_documents, shown
from qwen3_operator.cli.rules import broken_rules
from qwen3_operator.scaling import schedules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qwen3_operator.api.deployment import DeploymentSpec

_SIMILAR = 0.75


@dataclass(frozen=True, slots=True)
class Document:
    """One Qwen3Deployment as written."""

    namespace: str
    """Empty where it does not say."""
    name: str
    spec: DeploymentSpec

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    def within(self, namespace: str) -> Document:
        """The document in that namespace, unless it says another."""
        return self if self.namespace else replace(self, namespace=namespace)


def read_deployments(files: Sequence[str]) -> list[Document]:
    """All Qwen3Deployments of the files, in order; objects of other kinds are passed over.

    Raises:
        InputError: a file without one, or documents with mistakes: all of them are named.
    """
    found = [document for name in files for document in _of_file(name)]
    twice = sorted({document.key for document in found if [other.key for other in found].count(document.key) > 1})
    if twice:
        raise InputError(f"{KIND} {'/'.join(filter(None, twice[0]))} occurs twice")
    return found


def _of_file(name: str) -> list[Document]:
    found: list[Document] = []
    problems: list[str] = []
    others: list[str] = []
    for number, raw in enumerate(read_documents(name), start=1):
        if not isinstance(raw, dict):
            problems.append(f"document {number}: not a Kubernetes object but {type(raw).__name__}")
        elif problem := _not_ours(raw):
            problems.append(f"document {number}: {problem}")
        elif raw.get("kind") != KIND:
            others.append(str(raw.get("kind")))
        else:
            answer = _deployment(raw)
            if isinstance(answer, Document):
                found.append(answer)
            else:
                problems += [f"document {number} ({_name(raw)}): {problem}" for problem in answer]
    if problems:
        raise InputError("\n  ".join([f"{shown(name)} has mistakes:", *problems]))
    if not found:
        holds = f"it holds {', '.join(sorted(set(others)))}" if others else "it is empty"
        raise InputError(f"{shown(name)} has no {KIND}: {holds}")
    return found


def _not_ours(raw: dict[str, Any]) -> str | None:
    """A misspelt kind or another version; None for a Qwen3Deployment and for objects of other kinds."""
    kind, version = str(raw.get("kind", "")), str(raw.get("apiVersion", ""))
    if not kind:
        return f"kind is missing: {KIND}"
    if kind != KIND:
        similar = difflib.SequenceMatcher(None, kind.lower(), KIND.lower()).ratio() >= _SIMILAR
        return f"kind {kind!r}: did you mean {KIND}?" if similar else None
    return None if version == API_VERSION else f"apiVersion {version!r} must be {API_VERSION}"


def _name(raw: dict[str, Any]) -> str:
    metadata = raw.get("metadata")
    return str(metadata.get("name") or "no name") if isinstance(metadata, dict) else "no name"


def _deployment(raw: dict[str, Any]) -> Document | list[str]:
    metadata = raw.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    problems = [] if isinstance(name, str) and name else ["metadata.name is missing: it is required"]
    spec = checked_spec(raw.get("spec"))
    if isinstance(spec, list):
        problems += spec
    problems += _beside(problems, broken_rules({"metadata": metadata, "spec": raw.get("spec")}))
    if problems or isinstance(spec, list) or not isinstance(metadata, dict):
        return problems
    if wrong := schedules.problems(spec.scaling.schedules):
        return list(wrong)
    return Document(str(metadata.get("namespace") or ""), str(name), spec)


def _beside(problems: Sequence[str], broken: Iterable[str]) -> list[str]:
    """Broken rules of fields of which nothing was said yet."""
    said = {problem.split(" ", 1)[0] for problem in problems}
    return [message for message in broken if message.split(" ", 1)[0] not in said]
