"""Which cluster a command asks. Apart from the client, which costs a second to import and which files do not need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """None as for kubectl: KUBECONFIG or ~/.kube/config, and its current context."""

    kubeconfig: str | None = None
    context: str | None = None
