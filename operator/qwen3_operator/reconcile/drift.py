"""Does a child have to be applied? Pure.

A child is left alone when the manifest is the one that was applied last (by digest) and the child is as that apply
left it. Fields that others set beside ours stay theirs: an apply is sent once and does not touch them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qwen3_operator.manifests.digest import digest
from qwen3_operator.manifests.names import DIGEST_ANNOTATION

_MERGE_KEYS = ("name", "mountPath", "containerPort", "port", "uid", "key")
"""Fields that tell elements of a list apart, as the API's ``listMapKeys`` do."""
_ATOMIC = frozenset({"selector", "podSelector", "ingress", "nodeSelector", "nodeSelectorTerms", "tolerations"})
"""Fields that server-side apply replaces as a whole, so that an addition to them is drift."""
_FOREIGN_ANNOTATION = "deployment.kubernetes.io/revision"


def needs_apply(manifest: Mapping[str, Any], live: Mapping[str, Any] | None, known_good: str | None) -> bool:
    """Whether applying would change something.

    Args:
        manifest: What was rendered.
        live: The child in the cluster, None when there is none.
        known_good: `fingerprint` of what the API server answered to the last apply of this process, None when there
            was none. It settles what a comparison cannot: defaults, fields that a mutating webhook insists on.
    """
    if live is None:
        return True
    ours = manifest["metadata"]["annotations"][DIGEST_ANNOTATION]
    if live["metadata"].get("annotations", {}).get(DIGEST_ANNOTATION) != ours:
        return True
    if known_good is not None:
        return fingerprint(live) != known_good
    return not is_covered(_content(manifest), live)


def _content(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Without apiVersion and kind, which objects of a LIST do not carry."""
    return {name: value for name, value in manifest.items() if name not in ("apiVersion", "kind")}


def fingerprint(live: Mapping[str, Any]) -> str:
    """Digest of everything in a live child that an apply of ours can touch."""
    metadata = live["metadata"]
    annotations = {
        name: value for name, value in metadata.get("annotations", {}).items() if name != _FOREIGN_ANNOTATION
    }
    owners = metadata.get("ownerReferences", [])
    return digest(
        [metadata["uid"], metadata.get("labels", {}), annotations, owners, live.get("spec"), live.get("data")]
    )


def is_covered(wanted: Any, live: Any) -> bool:
    """Whether every field of ``wanted`` is in ``live`` with the same value."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            _is_field_covered(name, value, live.get(name, {} if value == {} else None))
            for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(live, list) and _is_list_covered(wanted, live)
    return bool(wanted == live)


def _is_field_covered(name: str, wanted: Any, live: Any) -> bool:
    return bool(wanted == live) if name in _ATOMIC else is_covered(wanted, live)


def _is_list_covered(wanted: Sequence[Any], live: Sequence[Any]) -> bool:
    merge_key = next(
        (key for key in _MERGE_KEYS if all(isinstance(item, Mapping) and key in item for item in wanted)), None
    )
    if merge_key is None:
        return len(wanted) == len(live) and all(map(is_covered, wanted, live))
    by_key = {item.get(merge_key): item for item in live if isinstance(item, Mapping)}
    return all(is_covered(item, by_key.get(item[merge_key])) for item in wanted)
