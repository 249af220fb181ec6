"""The gateway's Deployment, its Service and what may talk to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.manifests.network import GATEWAY_LABELS
from qwen3_runtime.config import API_PORT, MANAGEMENT_PORT
from tests.chart.chart import NAMESPACE, RELEASE, Helm, HelmError, of_kind, workload
from tests.objects import merged

if TYPE_CHECKING:
    from tests.chart.chart import Object

ON: Object = {"gateway": {"enabled": True}}
STORE: Object = merged(ON, {"gateway": {"store": {"secretName": "valkey"}}})
LEDGER: Object = merged(ON, {"gateway": {"ledger": {"enabled": True}}})


def _pod(objects: list[Object]) -> Object:
    pod: Object = workload(objects, "gateway")["spec"]["template"]
    return pod


def _container(objects: list[Object]) -> Object:
    (container,) = _pod(objects)["spec"]["containers"]
    found: Object = container
    return found


def _gateways(objects: list[Object], kind: str) -> Object:
    (found,) = [
        one for one in of_kind(objects, kind) if one["metadata"]["labels"]["app.kubernetes.io/component"] == "gateway"
    ]
    return found


def test_without_it_nothing_is_left_of_it(helm: Helm) -> None:
    names = [found["metadata"]["name"] for found in helm.render({})]
    assert not [name for name in names if "gateway" in name or name.endswith("-tenants")]


def test_pod_is_restricted(helm: Helm) -> None:
    pod, container = _pod(helm.render(ON))["spec"], _container(helm.render(ON))
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert "volumes" not in pod
    assert "env" not in container


def test_engine_pods_and_gateway_agree_on_labels_and_ports(helm: Helm) -> None:
    objects = helm.render(ON)
    assert _pod(objects)["metadata"]["labels"].items() >= GATEWAY_LABELS.items()
    ports = {port["name"]: port["containerPort"] for port in _container(objects)["ports"]}
    assert ports == {"api": API_PORT, "management": MANAGEMENT_PORT}


def test_it_watches_the_objects_of_its_release(helm: Helm) -> None:
    arguments = _container(helm.render({**ON, "fullnameOverride": "q3"}))["args"]
    assert arguments == [f"--namespace={NAMESPACE}", "--fullname=q3", "--drain-seconds=120"]


def test_a_pod_that_ends_has_time_to_drain(helm: Helm) -> None:
    pod = _pod(helm.render(merged(ON, {"gateway": {"drainSeconds": 7}})))["spec"]
    assert pod["terminationGracePeriodSeconds"] == 42


@pytest.mark.parametrize(
    ("tls", "secret", "port"),
    [
        ({}, None, 80),
        ({"secretName": "given"}, "given", 443),
        ({"certManager": {"issuer": "internal"}}, f"{RELEASE}-gateway-tls", 443),
    ],
)
def test_tls(helm: Helm, tls: dict[str, Any], secret: str | None, port: int) -> None:
    objects = helm.render(merged(ON, {"gateway": {"tls": tls}}))
    (entry,) = _gateways(objects, "Service")["spec"]["ports"]
    assert (entry["port"], entry["targetPort"]) == (port, "api")
    pod = _pod(objects)["spec"]
    if secret is None:
        assert "volumes" not in pod
        return
    (volume,) = pod["volumes"]
    (mount,) = _container(objects)["volumeMounts"]
    assert volume["secret"]["secretName"] == secret
    assert f"--certificate={mount['mountPath']}/tls.crt" in _container(objects)["args"]
    assert f"--key={mount['mountPath']}/tls.key" in _container(objects)["args"]
    certificates = of_kind(objects, "Certificate")
    assert [one["spec"]["secretName"] for one in certificates] == ([secret] if "certManager" in tls else [])


def test_one_certificate_at_a_time(helm: Helm) -> None:
    both = {"gateway": {"tls": {"secretName": "given", "certManager": {"issuer": "internal"}}}}
    with pytest.raises(HelmError, match="not both"):
        helm.render(merged(ON, both))


def test_network_policy(helm: Helm) -> None:
    policy = _gateways(helm.render(ON), "NetworkPolicy")["spec"]
    api, management = policy["ingress"]
    assert api == {"ports": [{"port": API_PORT, "protocol": "TCP"}]}
    assert management["ports"] == [{"port": MANAGEMENT_PORT, "protocol": "TCP"}]
    operator = workload(helm.render(ON))["spec"]["template"]["metadata"]["labels"]
    assert management["from"][0]["podSelector"]["matchLabels"].items() <= operator.items()
    small_prometheus = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "qwen3-prometheus"}}}
    assert management["from"][1:] == [small_prometheus]
    _, _, engines = policy["egress"]
    assert engines["ports"] == [{"port": API_PORT, "protocol": "TCP"}]


@pytest.mark.parametrize(("replicas", "budgets"), [(0, 0), (1, 0), (2, 1)])
def test_disruption_budget_only_where_it_helps(helm: Helm, replicas: int, budgets: int) -> None:
    objects = helm.render(merged(STORE, {"gateway": {"replicas": replicas}}))
    assert len(of_kind(objects, "PodDisruptionBudget")) == budgets


def test_the_ledger_lies_on_a_claim_of_each_pod(helm: Helm) -> None:
    objects = helm.render(merged(LEDGER, {"gateway": {"ledger": {"size": "2Gi", "storageClassName": "fast"}}}))
    found = workload(objects, "gateway")
    assert found["kind"] == "StatefulSet"
    (claim,) = found["spec"]["volumeClaimTemplates"]
    (mount,) = _container(objects)["volumeMounts"]
    assert mount["name"] == claim["metadata"]["name"]
    assert f"--ledger={mount['mountPath']}" in _container(objects)["args"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"] == {"requests": {"storage": "2Gi"}}
    assert "volumes" not in _pod(objects)["spec"]


def test_the_ledger_lies_on_a_claim_that_is_given(helm: Helm) -> None:
    objects = helm.render(merged(LEDGER, {"gateway": {"ledger": {"existingClaim": "given"}}}))
    (volume,) = _pod(objects)["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": "given"}
    assert "volumeClaimTemplates" not in workload(objects, "gateway")["spec"]


def test_without_a_ledger_a_new_pod_stands_beside_the_old_one(helm: Helm) -> None:
    found = workload(helm.render(ON), "gateway")
    assert found["kind"] == "Deployment"
    assert found["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_the_store_comes_from_a_secret_and_may_be_reached(helm: Helm) -> None:
    objects = helm.render(merged(STORE, {"gateway": {"networkPolicy": {"storeTo": [{"podSelector": {}}]}}}))
    (entry,) = _container(objects)["env"]
    reference = {"secretKeyRef": {"name": "valkey", "key": "url"}}
    assert entry == {"name": "QWEN3_GATEWAY_STORE", "valueFrom": reference}
    egress = _gateways(objects, "NetworkPolicy")["spec"]["egress"]
    assert {"ports": [{"port": 6379, "protocol": "TCP"}], "to": [{"podSelector": {}}]} in egress


def test_spans_go_to_the_collector_and_nowhere_else(helm: Helm) -> None:
    traces = {"endpoint": "https://collector.example.com", "share": 0.25, "headersSecret": {"name": "collector"}}
    given = {"traces": traces, "networkPolicy": {"tracesTo": [{"podSelector": {}}]}}
    objects = helm.render(merged(ON, {"gateway": given}))
    assert _container(objects)["env"] == [
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "https://collector.example.com"},
        {"name": "OTEL_TRACES_SAMPLER", "value": "parentbased_traceidratio"},
        {"name": "OTEL_TRACES_SAMPLER_ARG", "value": "0.25"},
        {
            "name": "OTEL_EXPORTER_OTLP_HEADERS",
            "valueFrom": {"secretKeyRef": {"name": "collector", "key": "headers"}},
        },
    ]
    egress = _gateways(objects, "NetworkPolicy")["spec"]["egress"]
    assert {"ports": [{"port": 443, "protocol": "TCP"}], "to": [{"podSelector": {}}]} in egress
    assert "env" not in _container(helm.render(ON))


def test_several_replicas_need_a_store_and_claims_of_their_own(helm: Helm) -> None:
    with pytest.raises(HelmError, match=r"set gateway\.store\.secretName"):
        helm.render(merged(ON, {"gateway": {"replicas": 2}}))
    given = {"gateway": {"replicas": 2, "ledger": {"enabled": True, "existingClaim": "given"}}}
    with pytest.raises(HelmError, match=r"leave gateway\.ledger\.existingClaim empty"):
        helm.render(merged(STORE, given))


@pytest.mark.parametrize(("changes", "told"), [(ON, True), (LEDGER, False), (STORE, False), ({}, False)])
def test_notes_say_where_quotas_are_forgotten(helm: Helm, changes: Object, *, told: bool) -> None:
    assert ("gateway.ledger.enabled" in helm.notes(changes)) is told
