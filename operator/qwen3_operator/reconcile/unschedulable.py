"""The scheduler's message in words that a person can act on. Pure."""

from __future__ import annotations

import re

_NO_NODES = re.compile(r"^(\d+)/(\d+) nodes are available: (.*?)\.(?: preemption:.*| no new claims.*)?$", re.DOTALL)
_CLAIM_MISSING = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
_COUNTED = re.compile(r"(\d+) ([^,]+?)(?=,\s*\d+ |$)")
_INSUFFICIENT = re.compile(r"Insufficient (\S+)")
_KNOWN = (
    ("volume node affinity", "out of reach of the volume with the weights (its node affinity)"),
    ("ReadWriteOncePod", "where another pod has the claim, whose access mode ReadWriteOncePod admits one pod"),
    ("node affinity/selector", "outside the pool"),
    ("node selector", "outside the pool"),
    ("unschedulable", "cordoned"),
)
"""Part of the scheduler's words, and what stands after the count of nodes."""


def explain(message: str) -> str:
    """One sentence. Falls back to the scheduler's own words (kube-scheduler ``FitError``, any version)."""
    if found := _CLAIM_MISSING.search(message):
        return (
            f'PersistentVolumeClaim "{found[1]}" does not exist in this namespace: create it, or correct the claimName'
        )
    if "unbound immediate PersistentVolumeClaims" in message:
        return "the PersistentVolumeClaim has no volume yet: check its StorageClass and provisioner"
    if "didn't find available persistent volumes to bind" in message:
        return "no PersistentVolume matches the PersistentVolumeClaim on any node that fits"
    found = _NO_NODES.match(message.strip())
    if not found:
        return message.strip() or "the scheduler gave no reason"
    causes = [_cause(int(count), text.strip()) for count, text in _COUNTED.findall(found[3])]
    return f"no node of {found[2]} fits: {'; '.join(causes) or found[3]}"


def _cause(count: int, text: str) -> str:
    nodes = f"{count} node{'s' if count != 1 else ''}"
    if found := _INSUFFICIENT.search(text):
        return f"{nodes} without enough free {found[1]}"
    if "untolerated taint" in text:
        return f"{nodes} with a taint that is not tolerated ({text.partition('taint')[2].strip(' {}') or 'unnamed'})"
    known = next((words for part, words in _KNOWN if part in text), None)
    return f"{nodes} {known}" if known else f"{nodes}: {text}"
