"""Which LoRA adapters the ready pods serve, and what stands between a pod and one of its list. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from qwen3_operator.api.status import AdapterStatus, ConditionStatus
from qwen3_operator.manifests.volumes import LIST_FILE, list_name
from qwen3_operator.reconcile.observed import Verdict
from qwen3_runtime.config import CONFIG_VARIABLE, AdapterList, AdapterReport, AdapterState, Phase, PhaseReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.reconcile.observed import Observed, PodView

    Paths = Mapping[str, str]
    """Where adapters lie in a pod, by name."""

PENDING = "Pending"
"""No ready pod has heard of it yet: the kubelet brings the list within about a minute."""


def is_as_listed(view: PodView, config_maps: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a pod's last report says that it serves its list and nothing else; so too for one that follows none."""
    wanted = _listed(view, _lists(config_maps))
    return wanted is None or (isinstance(view.phase, PhaseReport) and _served(view.phase) == wanted)


def adapter_statuses(observed: Observed) -> tuple[AdapterStatus, ...]:
    """One for each adapter of the spec, as it is in the ready pods."""
    lists, ready = _lists(observed.lists), [view for view in observed.pods if view.is_ready]
    names = [adapter["name"] for adapter in observed.deployment["spec"]["model"].get("adapters", ())]
    return tuple(_status(name, ready, lists) for name in names)


def adapters_verdict(statuses: Iterable[AdapterStatus]) -> Verdict:
    """The condition that sums them up."""
    waiting = [status for status in statuses if status.state != AdapterState.SERVED]
    if not waiting:
        return Verdict(ConditionStatus.TRUE, "Served", "every ready pod serves all adapters as they are listed")
    worst = min(waiting, key=lambda status: status.state != AdapterState.INVALID)
    said = worst.message or f"adapter {worst.name}: {worst.state}, {worst.pods} pods serve one of that name"
    return Verdict(ConditionStatus.FALSE, worst.reason or str(worst.state), said)


def _status(name: str, ready: Iterable[PodView], lists: Mapping[str, Paths]) -> AdapterStatus:
    views = list(ready)
    behind = [view for view in views if not _is_current(view, name, lists)]
    lacking = [view for view in behind if name not in _available(view)]
    first = next(filter(None, (_report(view, name) for view in behind)), None)
    state = PENDING if behind or not views else AdapterState.SERVED
    if first is not None and first.state is not AdapterState.SERVED:
        state = first.state
    return AdapterStatus(
        name=name,
        state=state,
        reason=first.reason if first else "",
        message=first.message if first else "",
        pods=len(views) - len(lacking),
        lacking=len(lacking),
    )


def _is_current(view: PodView, name: str, lists: Mapping[str, Paths]) -> bool:
    """Whether the pod serves what is listed now under the name, and not an older version.

    One that was not asked since it became ready waited for all that was listed then but what it had found not right.
    """
    wanted = _listed(view, lists)
    if wanted is None:
        return name in _fixed(view.pod)
    known = _ready_report(view)
    if known is None:
        report = _report(view, name)
        return report is None or report.state is not AdapterState.INVALID
    return name in wanted and _served(known).get(name) == wanted[name]


def _available(view: PodView) -> frozenset[str]:
    """Names that a ready pod is known to answer."""
    if list_name(view.pod["spec"]) is None:
        return _fixed(view.pod)
    known = _ready_report(view)
    return frozenset(_served(known)) if known else frozenset()


def _ready_report(view: PodView) -> PhaseReport | None:
    """Its report, if it is from after it became ready."""
    is_known = isinstance(view.phase, PhaseReport) and view.phase.phase is Phase.READY
    return view.phase if is_known and isinstance(view.phase, PhaseReport) else None


def _served(report: PhaseReport) -> dict[str, str]:
    return {entry.name: entry.path for entry in report.adapters if entry.path}


def _report(view: PodView, name: str) -> AdapterReport | None:
    known = view.phase.adapters if isinstance(view.phase, PhaseReport) else ()
    return next((entry for entry in known if entry.name == name), None)


def _fixed(pod: Mapping[str, Any]) -> frozenset[str]:
    """Names of the adapters that a pod has for as long as it lives, by its configuration."""
    variables = (entry for container in pod["spec"]["containers"] for entry in container.get("env", ()))
    text = next((entry["value"] for entry in variables if entry["name"] == CONFIG_VARIABLE), "{}")
    return frozenset(file["name"] for file in json.loads(text).get("adapters", {}).get("files", ()))


def _listed(view: PodView, lists: Mapping[str, Paths]) -> Paths | None:
    """What the pod's list asks for; None where it follows none that is known."""
    return lists.get(list_name(view.pod["spec"]) or "")


def _lists(config_maps: Iterable[Mapping[str, Any]]) -> dict[str, Paths]:
    """Paths by name of the ConfigMap. One with our labels that holds no list is somebody else's."""
    found = {config_map["metadata"]["name"]: _paths(config_map) for config_map in config_maps}
    return {name: paths for name, paths in found.items() if paths is not None}


def _paths(config_map: Mapping[str, Any]) -> Paths | None:
    try:
        listed = AdapterList.model_validate_json(config_map["data"][LIST_FILE])
    except (KeyError, TypeError, ValidationError):
        return None
    return {files.name: files.path for files in listed.files}
