"""What the status says of LoRA adapters that come and go in running pods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.manifests.render import render
from qwen3_operator.reconcile.adapters import adapter_statuses, adapters_verdict, is_as_listed
from qwen3_runtime.config import AdapterReport, AdapterState, Phase, PhaseReport
from tests.unit.manifests.samples import deployment, plan, settings
from tests.unit.reconcile.samples import CATALOG, observed, phase, pod, view

if TYPE_CHECKING:
    from qwen3_operator.reconcile.observed import Observed, PhaseView

CLAIM = {"persistentVolumeClaim": {"claimName": "lora", "path": "law"}}
SPEC = {"model": {"adapterRoom": {"count": 2}, "adapters": [{"name": "law", "source": CLAIM}]}}
CHILDREN = render(deployment(SPEC), plan(), settings(), CATALOG)
(LIST,) = (child for child in CHILDREN if child["kind"] == "ConfigMap")
(WORKLOAD,) = (child for child in CHILDREN if child["kind"] == "Deployment")
PATH = "/adapters/1/law"


def says(*adapters: AdapterReport) -> PhaseReport:
    return PhaseReport(phase=Phase.READY, adapters=adapters)


def law(state: AdapterState, path: str = "", message: str = "") -> AdapterReport:
    return AdapterReport(name="law", state=state, path=path, message=message, reason="AdapterMismatch" * bool(message))


def seen(*reports: PhaseView, workload: dict[str, Any] = WORKLOAD) -> Observed:
    pods = [view(pod(f"p{n}", ready=True, workload=workload), report) for n, report in enumerate(reports)]
    return replace(observed(*pods), deployment=deployment(SPEC), lists=(LIST,))


SERVED = says(law(AdapterState.SERVED, PATH))


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ((SERVED, SERVED), ("Served", 2, 0)),
        ((SERVED, says()), ("Pending", 1, 1)),
        ((SERVED, says(law(AdapterState.FETCHING))), ("Fetching", 1, 1)),
        ((SERVED, says(law(AdapterState.INVALID, "/old", "no"))), ("Invalid", 2, 0)),
        ((SERVED, says(law(AdapterState.SERVED, "/old"))), ("Pending", 2, 0)),
        ((says(law(AdapterState.UNLOADING)),), ("Unloading", 0, 1)),
        ((), ("Pending", 0, 0)),
    ],
    ids=["all", "not told", "fetching", "bad new version", "old version", "between versions", "no pod"],
)
def test_states(reports: tuple[PhaseReport, ...], expected: tuple[str, int, int]) -> None:
    (status,) = adapter_statuses(seen(*reports))
    assert (status.state, status.pods, status.lacking) == expected


def test_a_pod_that_was_not_asked_since_it_became_ready_waited_for_its_list() -> None:
    (status,) = adapter_statuses(seen(SERVED, None, phase(Phase.WARMING_UP)))
    assert (status.state, status.pods, status.lacking) == ("Served", 3, 0)


def test_a_pod_that_started_without_a_bad_adapter_is_not_taken_to_have_it() -> None:
    bad = law(AdapterState.INVALID, message="adapter law: r = 64, wanted at most 16.")
    starting = phase(Phase.WARMING_UP).model_copy(update={"adapters": (bad,)})
    (status,) = adapter_statuses(seen(SERVED, starting))
    assert (status.state, status.message, status.pods, status.lacking) == ("Invalid", bad.message, 1, 1)


def test_pods_of_another_template_are_as_they_report() -> None:
    older = render(deployment({"model": {"adapterRoom": {"count": 1}}}), plan(), settings(), CATALOG)
    (workload,) = (child for child in older if child["kind"] == "Deployment")
    (status,) = adapter_statuses(seen(says(), workload=workload))
    assert (status.state, status.lacking) == ("Pending", 1)


def test_the_condition_names_what_is_wrong() -> None:
    bad = law(AdapterState.INVALID, message="adapter law: r = 64, wanted at most 16.")
    verdict = adapters_verdict(adapter_statuses(seen(SERVED, says(bad))))
    assert verdict == (ConditionStatus.FALSE, "AdapterMismatch", bad.message)
    assert adapters_verdict(adapter_statuses(seen(SERVED))).status is ConditionStatus.TRUE


def test_a_pod_is_asked_until_it_serves_its_list_and_no_more() -> None:
    def done(report: PhaseView, *lists: dict[str, Any]) -> bool:
        return is_as_listed(view(pod("p", ready=True, workload=WORKLOAD), report), lists)

    other = AdapterReport(name="gone", state=AdapterState.UNLOADING, path="/gone")
    assert done(SERVED, LIST)
    assert not done(says(), LIST)
    assert not done(says(*SERVED.adapters, other), LIST)
    assert done(None), "a list that is not known is nothing to wait for"


@pytest.mark.parametrize("data", [None, {}, {"adapters.json": "{"}, {"adapters.json": '{"files": 1}'}])
def test_a_config_map_with_our_labels_that_holds_no_list_ends_nothing(data: Any) -> None:
    other = {"metadata": LIST["metadata"] | {"name": "other"}, **({} if data is None else {"data": data})}
    seen = view(pod("p", ready=True, workload=WORKLOAD), says())
    assert not is_as_listed(seen, (other, LIST)), "the pod's own list counts"
    assert is_as_listed(seen, ({**other, "metadata": LIST["metadata"]},)), "a list that cannot be read is not known"


def test_a_pod_with_our_labels_and_another_volume_of_that_name_follows_no_list() -> None:
    odd = pod("p", ready=True, workload=WORKLOAD)
    odd["spec"] = {**odd["spec"], "volumes": [{"name": "adapter-list", "emptyDir": {}}]}
    assert is_as_listed(view(odd, says()), (LIST,))
