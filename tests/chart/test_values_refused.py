"""A wrong value is refused, and the message names it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.chart.chart import CHART, Helm, HelmError, at, default_values, leaves, lookup

LEAVES = leaves(default_values())
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
    ("catalog.overrides", {"modles.yaml": "models: []"}),
    ("catalog.overrides", {"models.yaml": {"models": []}}),
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
    ("prometheus.url", "prometheus:9090"),
    ("prometheus.tokenSecret.key", "a/b"),
    ("networkPolicy.metricsFrom", [{}]),
    ("networkPolicy.apiServerPorts", []),
    ("networkPolicy.apiServerPorts", [70000]),
    ("gateway.replicas", -1),
    ("gateway.store.key", "a/b"),
    ("gateway.ledger.size", "much"),
    ("gateway.service.type", "ExternalName"),
    ("gateway.tls.certManager.kind", "issuer"),
    ("gateway.drainSeconds", 0),
]


def _refusal(helm: Helm, values: dict[str, Any]) -> str:
    with pytest.raises(HelmError) as refused:
        helm.render(values)
    return str(refused.value)


@pytest.mark.parametrize(("leaf", "value"), WRONG)
def test_bad_value(helm: Helm, leaf: str, value: Any) -> None:
    assert f"at '/{leaf.replace('.', '/')}" in _refusal(helm, at({}, tuple(leaf.split(".")), value))


def test_wrong_types_are_all_named(helm: Helm) -> None:
    wrong: dict[str, Any] = {}
    for path in LEAVES:
        is_text = isinstance(lookup(default_values(), path), str)
        wrong = at(wrong, path, ["list"] if is_text else "text")
    refusal = _refusal(helm, wrong)
    assert [path for path in LEAVES if f"at '/{'/'.join(path)}'" not in refusal] == []


def test_unknown_values_are_all_named(helm: Helm) -> None:
    above = sorted({path[:-1] for path in LEAVES})
    unknown: dict[str, Any] = {}
    for path in above:
        unknown = at(unknown, (*path, "surplus"), "text")
    refusal = _refusal(helm, unknown)
    for path in above:
        where = "".join(f"/{key}" for key in path)
        # Resources may have any name in requests and limits: there the quantity is what is wrong.
        sentences = f"at '{where}': additional properties 'surplus'", f"at '{where}/surplus'"
        assert any(sentence in refusal for sentence in sentences), where


def test_missing_values_are_all_named(helm: Helm) -> None:
    needed = [path for path in LEAVES if path[0] not in {"runAsUser", "resources"} and "resources" not in path]
    missing: dict[str, Any] = {}
    for path in needed:
        missing = at(missing, path, None)
    refusal = _refusal(helm, missing)
    for above in {path[:-1] for path in needed}:
        (line,) = [
            line for line in refusal.splitlines() if f"at '{''.join('/' + key for key in above)}': missing" in line
        ]
        assert set(re.findall(r"'([A-Za-z]+)'", line.partition("missing")[2])) >= {
            path[-1] for path in needed if path[:-1] == above
        }


def test_an_existing_account_needs_its_name(helm: Helm) -> None:
    assert "at '/serviceAccount/name'" in _refusal(helm, {"serviceAccount": {"create": False}})


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
