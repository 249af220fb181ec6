"""Least privilege: what the operator may do, where, and what users get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qwen3_runtime.tenancy import DEMAND_SUFFIX, ROUTES_SUFFIX, TENANTS_SUFFIX
from tests.chart.chart import CHART, NAMESPACE, RELEASE, Helm, environment, of_kind

if TYPE_CHECKING:
    from tests.chart.chart import Object

Granted = dict[tuple[str, str], set[str]]
"""Verbs by (API group, resource)."""
ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")
READ = {"list", "watch"}
WRITE = {"list", "watch", "create", "patch", "delete"}
# Everything that the operator may do to a namespace's objects; each entry stands for a call that it makes.
MANAGER = {
    ("serving.qwen3.io", "qwen3deployments"): READ,
    ("serving.qwen3.io", "qwen3deployments/status"): {"patch"},
    ("serving.qwen3.io", "qwen3deployments/finalizers"): {"update"},
    ("apps", "deployments"): WRITE,
    ("apps", "daemonsets"): WRITE,
    ("leaderworkerset.x-k8s.io", "leaderworkersets"): WRITE,
    ("", "services"): WRITE,
    ("networking.k8s.io", "networkpolicies"): WRITE,
    ("policy", "poddisruptionbudgets"): WRITE,
    ("", "configmaps"): WRITE,
    ("events.k8s.io", "events"): {"create"},
    ("", "events"): {"list"},
    ("", "resourcequotas"): READ,
}
MARKS = {("", "pods"): {"patch"}}
"""Where the operator scales: which pod ends first."""
CAPACITY = {
    ("", "nodes"): READ,
    ("", "pods"): READ,
    ("serving.qwen3.io", "acceleratorpools"): READ,
    ("serving.qwen3.io", "acceleratorpools/status"): {"patch"},
}
CATALOG = {("", "configmaps"): READ, ("events.k8s.io", "events"): {"create"}}
MEMORY = {("", "configmaps"): {"list", "create", "patch", "delete"}}
"""In the operator's namespace."""
CERTIFICATES = {("", "secrets"): {"get", "create", "patch"}}
TRUST = {("admissionregistration.k8s.io", "validatingwebhookconfigurations"): {"get", "patch"}}
# RBAC knows no types of Secrets: the operator's requests for keys name theirs. In its own namespace, with the gateway.
KEYS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}
# Likewise: the operator's requests for lists of adapters carry its label.
LISTS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch", "create", "patch", "delete"]}
TENANTS = {
    ("serving.qwen3.io", "qwen3tenants"): READ,
    ("serving.qwen3.io", "qwen3tenants/status"): {"patch"},
    ("", "secrets"): {"list", "watch", "get", "create", "patch"},
    ("", "configmaps"): {"get", "create", "patch", "list", "watch"},
    ("events.k8s.io", "events"): {"create"},
}
GATEWAY = {("", "secrets"): {"get", "list", "watch"}, ("", "configmaps"): {"get", "list", "watch", "patch"}}
NAMED = {"secrets", "configmaps", "validatingwebhookconfigurations"}
"""Resources that the operator may touch one object of."""


def _granted(role: Object) -> Granted:
    granted: Granted = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted.setdefault((group, resource), set()).update(rule["verbs"])
    return granted


def _bound(objects: list[Object]) -> list[tuple[str, Object]]:
    """(namespace, role) for each binding of the operator; "" stands for the whole cluster."""
    roles = {}
    for role in of_kind(objects, *ROLES):
        roles[role["kind"], role["metadata"].get("namespace", ""), role["metadata"]["name"]] = role
    bound = []
    for binding in of_kind(objects, *BINDINGS):
        where, ref = binding["metadata"].get("namespace", ""), binding["roleRef"]
        bound.append((where, roles[ref["kind"], where if ref["kind"] == "Role" else "", ref["name"]]))
    return bound


def test_no_wildcard_no_other_secret_no_escalation(helm: Helm, ci_values: Object) -> None:
    for role in of_kind(helm.render(ci_values), *ROLES):
        for rule in role["rules"]:
            words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            assert "*" not in words, role["metadata"]["name"]
            is_memory = role["kind"] == "Role" and role["metadata"]["name"].endswith("-scaling")
            assert not words & NAMED or is_memory or rule in (KEYS, LISTS) or len(rule.get("resourceNames", ())) == 1
            assert not words & {"pods/exec", "pods/log", "serviceaccounts/token", "namespaces"}
            assert not words & {"escalate", "bind", "impersonate", "roles", "clusterroles"}


def test_in_all_namespaces(helm: Helm) -> None:
    by_place: dict[str, list[Granted]] = {}
    for where, role in _bound(helm.render({})):
        by_place.setdefault(where, []).append(_granted(role))
    lease = {("coordination.k8s.io", "leases"): {"create", "get", "update"}}
    assert by_place == {"": [TRUST, CAPACITY, MANAGER], NAMESPACE: [CERTIFICATES, CATALOG, lease, MEMORY]}


def test_pods_are_marked_only_where_the_operator_scales(helm: Helm) -> None:
    objects = helm.render({"prometheus": {"url": "http://prometheus:9090"}})
    assert {**MANAGER, **MARKS} in [_granted(role) for where, role in _bound(objects) if not where]


def test_in_listed_namespaces_nothing_is_written_elsewhere(helm: Helm) -> None:
    by_place: dict[str, list[Granted]] = {}
    for where, role in _bound(helm.render({"watchNamespaces": ["team-a", "team-b"]})):
        by_place.setdefault(where, []).append(_granted(role))
    assert by_place[""] == [TRUST, CAPACITY]
    assert by_place["team-a"] == by_place["team-b"] == [MANAGER]
    assert by_place.keys() == {"", "team-a", "team-b", NAMESPACE}


def test_the_gateway_brings_two_roles_in_its_namespace_and_tenants_quotas(helm: Helm) -> None:
    objects, plain = helm.render({"gateway": {"enabled": True}}), helm.render({})
    before = [_granted(role) for _, role in _bound(plain)]
    new: dict[str, list[Granted]] = {where: [] for where, _ in _bound(objects)}
    for where, role in _bound(objects):
        if _granted(role) not in before:
            new[where].append(_granted(role))
    quotas = {("", "resourcequotas"): WRITE}
    assert new == {"": [MANAGER | quotas], NAMESPACE: [GATEWAY, TENANTS]}


def test_the_gateway_touches_three_objects_by_name(helm: Helm) -> None:
    objects = helm.render({"gateway": {"enabled": True}})
    (role,) = [one for one in of_kind(objects, "Role") if one["metadata"]["name"] == f"{RELEASE}-gateway"]
    named = {name: set(rule["verbs"]) for rule in role["rules"] for name in rule["resourceNames"]}
    read = {"get", "list", "watch"}
    assert named == {
        f"{RELEASE}{TENANTS_SUFFIX}": read,
        f"{RELEASE}{ROUTES_SUFFIX}": read,
        f"{RELEASE}{DEMAND_SUFFIX}": {"get", "patch"},
    }
    made = {one["metadata"]["name"] for one in of_kind(objects, "Secret", "ConfigMap")}
    assert named.keys() <= made


def test_lease_is_one_by_name(helm: Helm, ci_values: Object) -> None:
    objects = helm.render(ci_values)
    leases = [rule for role in of_kind(objects, "Role") for rule in role["rules"] if "leases" in rule["resources"]]
    if not ci_values.get("rbac", {}).get("create", True):
        assert leases == []
        return
    create, use = leases
    assert create["verbs"] == ["create"]
    assert use["resourceNames"] == [environment(objects)["QWEN3_LEASE_NAME"]]


def test_bindings_name_the_account_of_the_pod(helm: Helm, ci_values: Object) -> None:
    objects = helm.render(ci_values)
    accounts = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one["spec"]["template"]["spec"]["serviceAccountName"]
        for one in of_kind(objects, "Deployment", "StatefulSet")
    }
    assert len(set(accounts.values())) == len(accounts)
    for binding in of_kind(objects, *BINDINGS):
        account = accounts[binding["metadata"]["labels"]["app.kubernetes.io/component"]]
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}]
    made = {found["metadata"]["name"] for found in of_kind(objects, "ServiceAccount")}
    if not ci_values.get("serviceAccount", {}).get("create", True):
        del accounts["operator"]
    assert made == set(accounts.values())


def test_readme_lists_the_rights() -> None:
    rows = [row.split(" | ") for row in (CHART / "README.md").read_text().splitlines() if row.startswith("| ")]
    written = {row[1]: set(row[2].removesuffix(" |").split(", ")) for row in rows if len(row) == 3}
    for (group, resource), verbs in {**CAPACITY, **MANAGER, **MARKS, **CERTIFICATES, **TRUST, **CATALOG}.items():
        assert written[f"{group}/{resource}".removeprefix("/")] == verbs


@pytest.mark.parametrize(("role", "may_write"), [("view", False), ("edit", True), ("admin", True)])
def test_users_get_their_share_by_aggregation(helm: Helm, role: str, may_write: bool) -> None:  # noqa: FBT001
    label = f"rbac.authorization.k8s.io/aggregate-to-{role}"
    granted: Granted = {}
    for found in of_kind(helm.render({}), "ClusterRole"):
        if found["metadata"]["labels"].get(label) == "true":
            for key, verbs in _granted(found).items():
                granted.setdefault(key, set()).update(verbs)
    kind = ("serving.qwen3.io", "qwen3deployments")
    assert granted[kind] >= {"get", "list", "watch"}
    assert (granted[kind] >= {"create", "update", "patch", "delete"}) == may_write
    assert ("update" in granted[kind[0], "qwen3deployments/scale"]) == may_write
    assert granted[kind[0], "acceleratorpools"] == {"get", "list", "watch"}, "pools are the administrator's"
    tenants = {
        "get",
        "list",
        "watch",
        *({"create", "delete", "deletecollection", "patch", "update"} if may_write else ()),
    }
    assert granted[kind[0], "qwen3tenants"] == tenants
    assert granted[kind[0], "qwen3deployments/status"] == {"get", "list", "watch"}, "status is the operator's alone"


def test_roles_can_be_left_to_an_administrator(helm: Helm) -> None:
    assert not of_kind(helm.render({"rbac": {"create": False, "aggregate": False}}), *ROLES, *BINDINGS)
