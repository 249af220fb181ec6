"""A wrong value is refused, and the message names it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.chart.chart import CHART, Helm, HelmError, at, default_values, leaves, lookup

LEAVES = [".".join(path) for path in leaves(default_values())]
WRONG: list[tuple[str, Any]] = [
    ("fullnameOverride", "Upper_Case"),
    ("fullnameOverride", "x" * 53),
    ("commonLabels", {"app.kubernetes.io/name": "mine"}),
    ("commonLabels", {"example.com/a": "not a label"}),
    ("podLabels", {"app.kubernetes.io/instance": "mine"}),
    ("imageRegistry", "https://registry.example.com"),
    ("image.repository", ""),
    ("image.repository", "Upper"),
    ("image.tag", 1.0),
    ("image.tag", "a b"),
    ("image.digest", "sha256:abc"),
    ("image.pullPolicy", "Sometimes"),
    ("imagePullSecrets", ["registry"]),
    ("imagePullSecrets", [{"name": ""}]),
    ("runtimes.imagePullPolicy", "always"),
    ("runtimes.cuda.runtimeClassName", "No Such"),
    ("watchNamespaces", "team-a"),
    ("watchNamespaces", ["Team-A"]),
    ("watchNamespaces", ["a", "a"]),
    ("replicas", "2"),
    ("replicas", -1),
    ("replicas", 1.5),
    ("workers", 0),
    ("workers", 65),
    ("resyncSeconds", 0),
    ("logLevel", "TRACE"),
    ("runAsUser", 0),
    ("resources", {"requests": {"cpu": "much"}}),
    ("resources", {"request": {}}),
    ("tolerations", [{"key": "a", "operator": "Exist"}]),
    ("tolerations", [{"keys": "a"}]),
    ("affinity", {"nodeAfinity": {}}),
    ("topologySpreadConstraints", [{"maxSkew": 1}]),
    ("metrics.scrape", "ServiceMonitor"),
    ("metrics.podMonitor.interval", "30"),
    ("networkPolicy.metricsFrom", [{}]),
    ("networkPolicy.apiServerPorts", []),
    ("networkPolicy.apiServerPorts", [70000]),
]


def _refusal(helm: Helm, values: dict[str, Any]) -> str:
    with pytest.raises(HelmError) as refused:
        helm.render(values)
    return str(refused.value)


@pytest.mark.parametrize(("leaf", "value"), WRONG)
def test_bad_value(helm: Helm, leaf: str, value: Any) -> None:
    assert f"at '/{leaf.replace('.', '/')}" in _refusal(helm, at({}, tuple(leaf.split(".")), value))


@pytest.mark.parametrize("leaf", LEAVES)
def test_wrong_type(helm: Helm, leaf: str) -> None:
    path = tuple(leaf.split("."))
    wrong = "text" if isinstance(lookup(default_values(), path), list | dict | int) else ["list"]
    assert f"at '/{'/'.join(path)}'" in _refusal(helm, at({}, path, wrong))


@pytest.mark.parametrize("above", sorted({leaf.rpartition(".")[0] for leaf in LEAVES}))
def test_unknown_value(helm: Helm, above: str) -> None:
    path = (*above.split("."), "surplus") if above else ("surplus",)
    # Helm quotes the name; a resource's name in requests and limits is free, its quantity is not.
    assert "surplus" in _refusal(helm, at({}, path, "text"))


def test_an_existing_account_needs_its_name(helm: Helm) -> None:
    assert "at '/serviceAccount/name'" in _refusal(helm, {"serviceAccount": {"create": False}})


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf != "runAsUser" and not leaf.startswith("resources.")])
def test_null_is_no_value(helm: Helm, leaf: str) -> None:
    assert f"missing property '{leaf.rpartition('.')[2]}'" in _refusal(helm, at({}, tuple(leaf.split(".")), None))


def test_the_schema_knows_exactly_the_values() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    del schema["properties"]["global"]
    assert _differences(schema, default_values(), "") == []


def _differences(schema: dict[str, Any], values: dict[str, Any], where: str) -> list[str]:
    known: dict[str, Any] = schema.get("properties", {})
    found = [f"{where}{key}" for key in known.keys() ^ values.keys()]
    if schema.get("additionalProperties") is not False:
        found.append(f"{where} is open")
    for key in known.keys() & values.keys():
        if values[key] and known[key].get("type") == "object" and key != "resources":
            found += _differences(known[key], values[key], f"{where}{key}.")
    return found


def test_as_a_dependency_the_chart_accepts_global(helm: Helm) -> None:
    assert helm.render({"global": {"anything": 1}}) == helm.render({})
