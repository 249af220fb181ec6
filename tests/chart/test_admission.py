"""The webhook: warns, never stands in the way, and keeps what the operator wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qwen3_operator.admission.handler import DEADLINE_SECONDS, PATH
from qwen3_operator.admission.store import WEBHOOK
from qwen3_operator.api.base import GROUP, VERSION
from qwen3_operator.api.deployment import PLURAL
from qwen3_operator.settings import from_environment
from tests.chart.chart import NAMESPACE, Helm, environment, of_kind, operator

if TYPE_CHECKING:
    from tests.chart.chart import Object

KINDS = ("ValidatingWebhookConfiguration", "Secret")


def _webhook(helm: Helm, values: Object) -> Object:
    (configuration,) = of_kind(helm.render(values), "ValidatingWebhookConfiguration")
    (webhook,) = configuration["webhooks"]
    found: Object = webhook
    return found


def test_it_asks_about_new_and_changed_deployments(helm: Helm) -> None:
    webhook = _webhook(helm, {})
    assert webhook["name"] == WEBHOOK
    assert webhook["rules"] == [
        {
            "apiGroups": [GROUP],
            "apiVersions": [VERSION],
            "operations": ["CREATE", "UPDATE"],
            "resources": [PLURAL],
            "scope": "Namespaced",
        }
    ]


def test_it_never_stands_in_the_way(helm: Helm) -> None:
    webhook = _webhook(helm, {})
    assert webhook["failurePolicy"] == "Ignore"
    assert webhook["sideEffects"] == "None"
    assert webhook["matchPolicy"] == "Equivalent"
    assert DEADLINE_SECONDS < webhook["timeoutSeconds"] <= 3


@pytest.mark.parametrize(
    ("values", "others"),
    [
        ({}, []),
        (
            {"watchNamespaces": ["a", "b"]},
            [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]}],
        ),
    ],
)
def test_it_asks_in_namespaces_that_are_served(helm: Helm, values: Object, others: list[Object]) -> None:
    first, *rest = _webhook(helm, values)["namespaceSelector"]["matchExpressions"]
    assert first == {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
    assert rest == others


def test_the_api_server_finds_the_operator(helm: Helm) -> None:
    objects = helm.render({"fullnameOverride": "q3"})
    settings = from_environment(environment(objects), "host").admission
    assert settings is not None
    (configuration,) = of_kind(objects, "ValidatingWebhookConfiguration")
    assert configuration["metadata"]["name"] == settings.configuration
    service = configuration["webhooks"][0]["clientConfig"]["service"]
    assert service == {"name": settings.name, "namespace": NAMESPACE, "path": PATH, "port": 443}
    (front,) = (found for found in of_kind(objects, "Service") if found["metadata"]["name"] == settings.name)
    (port,) = front["spec"]["ports"]
    assert port["port"] == service["port"]
    opened = {entry["name"]: entry["containerPort"] for entry in operator(objects)["ports"]}
    assert opened[port["targetPort"]] == settings.port == 9443


def test_longest_name_of_the_service_is_one(helm: Helm) -> None:
    objects = helm.render({"fullnameOverride": "x" * 52})
    assert max(len(found["metadata"]["name"]) for found in of_kind(objects, "Service")) <= 63


def test_an_upgrade_names_nothing_that_the_operator_writes(helm: Helm) -> None:
    objects = helm.render({})
    (configuration,) = of_kind(objects, "ValidatingWebhookConfiguration")
    assert "caBundle" not in configuration["webhooks"][0]["clientConfig"]
    (secret,) = of_kind(objects, "Secret")
    assert secret.keys() == {"apiVersion", "kind", "metadata", "type"}
    assert secret["metadata"]["name"] == environment(objects)["QWEN3_ADMISSION_NAME"]
    assert secret["type"] == "Opaque", "a Secret of type kubernetes.io/tls may not be empty"
    assert helm.template({}) == helm.template({"admission": {"enabled": True}}), "the same each time"


def test_rights_end_at_its_own_two_objects(helm: Helm) -> None:
    objects = helm.render({})
    variables = environment(objects)
    rules = {
        rule["resources"][0]: rule
        for role in of_kind(objects, "Role", "ClusterRole")
        for rule in role["rules"]
        if "resourceNames" in rule
    }
    assert rules["secrets"]["resourceNames"] == [variables["QWEN3_ADMISSION_NAME"]]
    named = rules["validatingwebhookconfigurations"]["resourceNames"]
    assert named == [variables["QWEN3_ADMISSION_CONFIGURATION"]]
    (role,) = (found for found in of_kind(objects, "Role", "ClusterRole") if rules["secrets"] in found["rules"])
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", NAMESPACE)


def test_readiness_does_not_depend_on_it(helm: Helm) -> None:
    probes = [operator(helm.render(values)) for values in ({}, {"admission": {"enabled": False}})]
    assert probes[0]["readinessProbe"] == probes[1]["readinessProbe"]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_network_policy_lets_the_api_server_in(helm: Helm, enabled: bool) -> None:  # noqa: FBT001
    values = {"networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}]}}
    (policy,) = of_kind(helm.render({**values, "admission": {"enabled": enabled}}), "NetworkPolicy")
    open_to_all = [entry["ports"] for entry in policy["spec"]["ingress"] if "from" not in entry]
    assert open_to_all == ([[{"port": "admission", "protocol": "TCP"}]] if enabled else [])


def test_off_leaves_nothing_behind(helm: Helm) -> None:
    on, off = helm.render({}), helm.render({"admission": {"enabled": False}})
    assert len(of_kind(on, *KINDS)) == len(KINDS)
    assert "dmission" not in str([found for found in off if found["kind"] != "CustomResourceDefinition"])
    assert from_environment(environment(off), "host").admission is None
