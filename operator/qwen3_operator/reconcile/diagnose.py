"""Why is this pod not serving? One chain of checks, most telling first; the first finding wins. Pure.

Modelled on cert-manager's policy chain (``internal/controller/certificates/policies``): the order of the tuple at
the end reads as the specification. Reasons are a stable contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qwen3_operator.api.status import ConditionType
from qwen3_operator.reconcile.observed import PodView, Unreachable, condition
from qwen3_operator.reconcile.unschedulable import explain
from qwen3_runtime.config import Phase, PhaseReport, TerminationReason

_MAX_MESSAGE = 1000
"""Characters of an engine's last words that go into a condition: enough for its error, short in ``describe``."""
_KILLED = 137
_IMAGE_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"})
_CONFIG_ERRORS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CreatePodSandboxError"}
)
_PULL_CAUSES = (
    ("unauthorized", "the registry refuses the credentials: check spec.engine.imagePullSecrets"),
    ("forbidden", "the registry refuses the credentials: check spec.engine.imagePullSecrets"),
    ("authorization failed", "there is no such image, or it needs credentials: check spec.engine.imagePullSecrets"),
    ("not found", "the registry has no such image: check its name and tag"),
    ("no such host", "the registry's name is not known: check the image's name"),
    ("connection refused", "the registry does not answer: check the image's name and the node's network"),
    ("timeout", "the registry does not answer: check the image's name and the node's network"),
)
"""Words of containerd's errors, the more telling ones first."""
_PULL_UNKNOWN = "check its name and tag, the registry and spec.engine.imagePullSecrets"
STARTING = "Starting"


@dataclass(frozen=True)
class Diagnosis:
    """What stands between a pod and serving."""

    reason: str
    message: str
    condition: ConditionType = ConditionType.READY
    """The condition that it makes False; Ready is False in any case."""
    detail: str = ""
    """Reason of that condition where it is finer than ``reason``."""

    @property
    def is_failure(self) -> bool:
        """False while the pod is merely on its way."""
        return self.reason != STARTING


Check = Callable[[PodView], Diagnosis | None]


def diagnose(view: PodView) -> Diagnosis | None:
    """The first finding of the chain; None for a pod that serves or is ending."""
    if view.is_up or "deletionTimestamp" in view.pod["metadata"]:
        return None
    return next((finding for check in CHAIN if (finding := check(view))), None)


def worst(findings: Iterable[Diagnosis]) -> Diagnosis | None:
    """The one to show: failures before pods that start, then by reason so that the choice is stable."""
    ordered = sorted(
        findings, key=lambda finding: (not finding.is_failure, RANK.get(finding.reason, 0), finding.message)
    )
    return next(iter(ordered), None)


def _evicted(view: PodView) -> Diagnosis | None:
    if view.status.get("phase") != "Failed" or view.status.get("reason") != "Evicted":
        return None
    return Diagnosis("Evicted", f"pod {view.name} was evicted: {_clip(view.status.get('message', ''))}")


def _node_lost(view: PodView) -> Diagnosis | None:
    ready = condition(view.node, "Ready").get("status") if view.node else "True"
    if ready == "True" and view.status.get("reason") != "NodeLost":
        return None
    node = view.pod["spec"].get("nodeName")
    return Diagnosis("NodeLost", f"node {node} of pod {view.name} does not answer: check its kubelet and network")


def _unschedulable(view: PodView) -> Diagnosis | None:
    scheduled = condition(view.pod, "PodScheduled")
    if view.is_bound or scheduled.get("status") != "False":
        return None
    if gates := [gate["name"] for gate in view.pod["spec"].get("schedulingGates") or ()]:
        message = f"pod {view.name} is held back from the scheduler by {', '.join(gates)}"
        return Diagnosis("SchedulingGated", message, ConditionType.SCHEDULED)
    text = explain(scheduled.get("message", ""))
    return Diagnosis("Unschedulable", f"pod cannot be scheduled: {text}", ConditionType.SCHEDULED)


def _invalid_image(view: PodView) -> Diagnosis | None:
    if _waiting(view).get("reason") != "InvalidImageName":
        return None
    return Diagnosis("InvalidImage", f"image name {_image(view)!r} is not valid: correct spec.engine.image")


def _image_pull(view: PodView) -> Diagnosis | None:
    """The kubelet's text changes with each attempt; the cause that it names does not."""
    waiting = _waiting(view)
    if waiting.get("reason") not in _IMAGE_PULL:
        return None
    text = waiting.get("message", "").lower()
    cause = next((words for mark, words in _PULL_CAUSES if mark in text), _PULL_UNKNOWN)
    return Diagnosis("ImagePullFailed", f"image {_image(view)} cannot be pulled: {cause}")


def _container_config(view: PodView) -> Diagnosis | None:
    waiting = _waiting(view)
    if waiting.get("reason") not in _CONFIG_ERRORS:
        return None
    return Diagnosis("CreateContainerConfigError", f"container cannot be created: {_clip(waiting.get('message', ''))}")


def _mount(view: PodView) -> Diagnosis | None:
    if not view.mount_failure or "running" in view.container.get("state", {}):
        return None
    return Diagnosis("VolumeMountFailed", f"volume cannot be mounted: {_clip(view.mount_failure)}")


def _weights(view: PodView) -> Diagnosis | None:
    report = _report(view)
    if report is None or report.phase is not Phase.WEIGHTS_INVALID:
        return None
    return Diagnosis("WeightsInvalid", _clip(report.message), ConditionType.WEIGHTS_READY, report.reason)


def _last_words(view: PodView) -> Diagnosis | None:
    """The runtime's termination message: ``<reason>: <sentence>``, then the engine's last log lines."""
    first, _, log = _terminated(view).get("message", "").partition("\n")
    reason, _, sentence = first.partition(": ")
    if reason not in frozenset(TerminationReason):
        return None
    # A sentence without a colon quotes no error of the engine; the end of its log is the next best thing.
    quoted = "" if ": " in sentence or not log.strip() else f"; its log ends with: {log.strip().splitlines()[-1]}"
    return Diagnosis(reason, _clip(sentence + quoted))


def _out_of_memory(view: PodView) -> Diagnosis | None:
    if _terminated(view).get("reason") != "OOMKilled":
        return None
    limit = view.pod["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory")
    bound = f"its memory limit of {limit}" if limit else "the node's memory"
    return Diagnosis(
        TerminationReason.OUT_OF_MEMORY,
        f"the container used more than {bound}: lower model.contextLength or workload.concurrency",
    )


def _probe_failing(view: PodView) -> Diagnosis | None:
    if not isinstance(view.phase, Unreachable):
        return None
    return Diagnosis("ProbeFailing", f"the container runs and does not answer its probes ({view.phase.message})")


def _crash(view: PodView) -> Diagnosis | None:
    ended = _terminated(view)
    if not ended:
        return None
    code = ended.get("exitCode")
    hint = " (killed, e.g. by a failing liveness probe)" if code == _KILLED else ""
    words = f": {_clip(ended['message'])}" if ended.get("message") else ""
    return Diagnosis("CrashLoop", f"the container ends again and again with exit code {code}{hint}{words}")


def _starting(view: PodView) -> Diagnosis | None:
    report = _report(view)
    if report is not None:
        step = report.phase.value + _progress(report) + _warnings(report)
    elif view.container.get("state", {}).get("running"):
        step = "ContainerRunning"
    elif view.is_bound:
        step = _waiting(view).get("reason", "ContainerCreating")
    else:
        step = "Scheduling"
    return Diagnosis(STARTING, f"pod is starting: {step}")


def _progress(report: PhaseReport) -> str:
    """In whole percent, so that a status is not written at every look."""
    found = report.progress
    if report.phase is not Phase.FETCHING_WEIGHTS or found is None or not found.bytes_total:
        return ""
    share = 100 * found.bytes_done // found.bytes_total
    return f", {share} % of {found.bytes_total / 1e9:.1f} GB. {report.message}"


def _warnings(report: PhaseReport) -> str:
    """Of the check of the devices: where the engine fails after all, they are the first thing to look at."""
    return "".join(f"; {warning}" for warning in report.warnings)


CHAIN: tuple[Check, ...] = (
    _evicted,  # ended for good; another pod replaces it
    _node_lost,  # nothing else that the pod says is current
    _unschedulable,  # it has no node yet
    _invalid_image,  # the container cannot be created ...
    _image_pull,
    _container_config,
    _mount,
    _weights,  # it runs and waits for files
    _last_words,  # it ended and said why
    _out_of_memory,
    _probe_failing,  # it runs and is silent
    _crash,  # it ended and did not say why
    _starting,  # nothing is wrong so far
)
RANK: Mapping[str, int] = {"Evicted": 1, "NodeLost": 1}
"""Pods that are replaced anyway are shown after those that need a person."""


def _waiting(view: PodView) -> Mapping[str, Any]:
    return view.container.get("state", {}).get("waiting") or {}


def _terminated(view: PodView) -> Mapping[str, Any]:
    """How the container ended last. Kept while it runs again, so that a crash loop does not flicker."""
    return (
        view.container.get("state", {}).get("terminated") or view.container.get("lastState", {}).get("terminated") or {}
    )


def _report(view: PodView) -> PhaseReport | None:
    return view.phase if isinstance(view.phase, PhaseReport) else None


def _image(view: PodView) -> str:
    return str(view.pod["spec"]["containers"][0]["image"])


def _clip(text: str) -> str:
    """The end of a long text: engines print the error last."""
    text = text.strip()
    return text if len(text) <= _MAX_MESSAGE else f"... {text[-_MAX_MESSAGE:]}"
