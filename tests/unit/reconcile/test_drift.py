from __future__ import annotations

import copy
from typing import Any

import pytest

from qwen3_operator.manifests.render import render
from qwen3_operator.reconcile.drift import fingerprint, needs_apply
from tests.unit.manifests.samples import deployment, plan, settings
from tests.unit.reconcile.samples import CATALOG

SERVICE, POLICY, BUDGET, WORKLOAD = render(deployment(), plan(), settings(), CATALOG)


def stored(manifest: dict[str, Any]) -> dict[str, Any]:
    """As a LIST gives it back: no kind, defaults filled in, a status."""
    live = copy.deepcopy(manifest)
    del live["apiVersion"], live["kind"]
    live["metadata"] |= {"uid": "u1", "resourceVersion": "5", "generation": 1}
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    live["spec"]["addedByDefaulting"] = True
    live["status"] = {"replicas": 2}
    return live


@pytest.mark.parametrize("manifest", [SERVICE, POLICY, BUDGET, WORKLOAD], ids=lambda manifest: manifest["kind"])
def test_what_was_applied_is_left_alone_even_by_a_new_process(manifest: dict[str, Any]) -> None:
    live = stored(manifest)
    assert not needs_apply(manifest, live, None)
    assert not needs_apply(manifest, live, fingerprint(live))


def test_what_is_missing_or_was_rendered_otherwise_is_applied() -> None:
    other = render(deployment({"drainTimeoutSeconds": 5}), plan(), settings(), CATALOG)[-1]
    assert needs_apply(WORKLOAD, None, None)
    assert needs_apply(other, stored(WORKLOAD), fingerprint(stored(WORKLOAD)))


def test_a_field_that_is_no_longer_rendered_is_taken_back() -> None:
    with_secret = render(deployment({"engine": {"imagePullSecrets": ["s"]}}), plan(), settings(), CATALOG)[-1]
    assert needs_apply(WORKLOAD, stored(with_secret), None)


@pytest.mark.parametrize("remembered", [True, False])
def test_a_change_by_somebody_else_is_mended(remembered: bool) -> None:  # noqa: FBT001
    good = fingerprint(stored(WORKLOAD)) if remembered else None
    scaled = stored(WORKLOAD)
    scaled["spec"]["replicas"] = 9
    assert needs_apply(WORKLOAD, scaled, good)
    opened = stored(POLICY)
    opened["spec"]["ingress"].append({})
    assert needs_apply(POLICY, opened, fingerprint(stored(POLICY)) if remembered else None)
    stolen = stored(SERVICE)
    stolen["spec"]["selector"]["extra"] = "label"
    assert needs_apply(SERVICE, stolen, fingerprint(stored(SERVICE)) if remembered else None)


def test_a_webhook_that_insists_is_not_fought() -> None:
    rewritten = stored(WORKLOAD)
    rewritten["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror/runtime:cuda"
    assert needs_apply(WORKLOAD, rewritten, None)
    assert not needs_apply(WORKLOAD, rewritten, fingerprint(rewritten))


def test_status_and_versions_are_no_drift() -> None:
    live = stored(WORKLOAD)
    good = fingerprint(live)
    live["status"] = {"replicas": 7}
    live["metadata"] |= {"resourceVersion": "99", "generation": 3}
    live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
    assert not needs_apply(WORKLOAD, live, good)
