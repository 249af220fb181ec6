"""What plans still hold of the cluster, beside the pods that there are."""

from __future__ import annotations

from qwen3_operator.reconcile.promises import promised
from tests.unit.manifests.samples import placement, plan
from tests.unit.reconcile.samples import pod

CHAT, OTHER = ("team-a", "chat"), ("team-b", "chat")
PLAN = plan(placement(replicas=3))


def test_a_pod_without_a_node_has_taken_no_devices_yet_and_is_counted_by_quotas() -> None:
    (left,) = promised([(CHAT, PLAN)], [pod("a"), pod("b", bound=False)])
    assert (left.pods, left.uncreated) == (2, 1)


def test_what_is_bound_is_no_promise_any_more() -> None:
    assert list(promised([(CHAT, PLAN)], [pod(name) for name in "abcd"])) == []


def test_pods_of_a_namesake_are_not_its_own() -> None:
    (left,) = promised([(OTHER, PLAN)], [pod("a"), pod("b")])
    assert left.pods == 3
