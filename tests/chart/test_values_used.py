"""Every value changes something: for each leaf of values.yaml, another value renders another output."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.chart import Helm, at, default_values, leaves, lookup
from tests.objects import merged

DIGEST = "sha256:" + "b" * 64
# Values under which all others matter.
BASE: dict[str, Any] = {
    "serviceAccount": {"name": "given"},
    "metrics": {"scrape": "PodMonitor", "rules": {"enabled": True}, "dashboards": {"enabled": True}},
    "networkPolicy": {"enabled": True},
    "prometheus": {"url": "http://prometheus:9090", "tokenSecret": {"name": "prometheus"}},
    "gateway": {
        "enabled": True,
        "replicas": 2,
        "tls": {"certManager": {"issuer": "internal"}},
        "store": {"secretName": "valkey"},
        "ledger": {"enabled": True},
        "traces": {"endpoint": "http://collector:4318", "headersSecret": {"name": "collector"}},
    },
}
# A valid other value where flipping or counting up does not make one.
SAMPLES: dict[str, Any] = {
    "fullnameOverride": "other",
    "commonLabels": {"example.com/a": "b"},
    "imageRegistry": "registry.example.com",
    "image.repository": "other",
    "image.tag": "v9",
    "image.digest": DIGEST,
    "image.pullPolicy": "Never",
    "imagePullSecrets": [{"name": "registry"}],
    "runtimes.imagePullPolicy": "Never",
    "runtimes.cpu.image.repository": "other",
    "runtimes.cpu.image.tag": "v9",
    "runtimes.cpu.image.digest": DIGEST,
    "runtimes.cuda.image.repository": "other",
    "runtimes.cuda.image.tag": "v9",
    "runtimes.cuda.image.digest": DIGEST,
    "runtimes.cuda.runtimeClassName": "nvidia",
    "runtimes.npu.image.repository": "other",
    "runtimes.npu.image.tag": "v9",
    "runtimes.npu.image.digest": DIGEST,
    "runtimes.npu.runtimeClassName": "ascend",
    "watchNamespaces": ["team-a"],
    "catalog.overrides": {"models.yaml": "models: []"},
    "logLevel": "DEBUG",
    "serviceAccount.name": "other",
    "serviceAccount.annotations": {"example.com/a": "b"},
    "resources.requests.cpu": "75m",
    "resources.requests.memory": "75Mi",
    "resources.limits.memory": "750Mi",
    "podLabels": {"example.com/a": "b"},
    "podAnnotations": {"example.com/a": "b"},
    "priorityClassName": "high",
    "nodeSelector": {"example.com/a": "b"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "metrics.scrape": "Annotations",
    "metrics.service.annotations": {"example.com/a": "b"},
    "metrics.podMonitor.labels": {"example.com/a": "b"},
    "metrics.podMonitor.interval": "75s",
    "metrics.rules.labels": {"example.com/a": "b"},
    "metrics.dashboards.labels": {"example.com/a": "b"},
    "metrics.podMonitor.engineInterval": "75s",
    "prometheus.url": "https://other",
    "prometheus.tokenSecret.name": "other",
    "prometheus.tokenSecret.key": "other",
    "networkPolicy.metricsFrom": [{"podSelector": {}}],
    "networkPolicy.apiServerPorts": [6444],
    "gateway.store.secretName": "other",
    "gateway.store.key": "other",
    "gateway.ledger.size": "75Gi",
    "gateway.ledger.storageClassName": "fast",
    "gateway.ledger.existingClaim": "given",
    "gateway.traces.endpoint": "https://other",
    "gateway.traces.share": 0.25,
    "gateway.traces.headersSecret.name": "other",
    "gateway.traces.headersSecret.key": "other",
    "gateway.image.repository": "other",
    "gateway.image.tag": "v9",
    "gateway.image.digest": DIGEST,
    "gateway.image.pullPolicy": "Never",
    "gateway.service.type": "LoadBalancer",
    "gateway.service.annotations": {"example.com/a": "b"},
    "gateway.tls.secretName": "given",
    "gateway.tls.certManager.issuer": "other",
    "gateway.tls.certManager.kind": "Issuer",
    "gateway.tls.certManager.dnsNames": ["models.example.com"],
    "gateway.resources.requests.cpu": "75m",
    "gateway.resources.requests.memory": "75Mi",
    "gateway.resources.limits.memory": "750Mi",
    "gateway.podLabels": {"example.com/a": "b"},
    "gateway.podAnnotations": {"example.com/a": "b"},
    "gateway.priorityClassName": "high",
    "gateway.nodeSelector": {"example.com/a": "b"},
    "gateway.tolerations": [{"key": "a", "operator": "Exists"}],
    "gateway.affinity": {"nodeAffinity": {}},
    "gateway.topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"},
    ],
    "gateway.networkPolicy.metricsFrom": [{"podSelector": {}}],
    "gateway.networkPolicy.storeTo": [{"podSelector": {}}],
    "gateway.networkPolicy.tracesTo": [{"podSelector": {}}],
}
SAMPLES |= {
    f"runtimes.engines.{engine}.{device}": "other:v9"
    for engine, images in default_values()["runtimes"]["engines"].items()
    for device in images
}
# A value that excludes another of BASE.
BESIDE: dict[str, dict[str, Any]] = {
    "gateway.tls.secretName": {"gateway": {"tls": {"certManager": {"issuer": ""}}}},
    "gateway.ledger.existingClaim": {"gateway": {"replicas": 1}},
}
LEAVES = [".".join(path) for path in leaves(default_values())]


def _other(leaf: str) -> Any:
    if leaf in SAMPLES:
        return SAMPLES[leaf]
    value = lookup(merged(default_values(), BASE), tuple(leaf.split(".")))
    if isinstance(value, bool):
        return not value
    assert isinstance(value, int), f"SAMPLES needs another value for {leaf}"
    return value + 1


@pytest.mark.parametrize("leaf", LEAVES)
def test_value_changes_the_output(helm: Helm, leaf: str) -> None:
    base = merged(BASE, BESIDE.get(leaf, {}))
    changed = helm.render(at(base, tuple(leaf.split(".")), _other(leaf)))
    assert changed != helm.render(base), f"no template uses {leaf}"


def test_samples_name_existing_values() -> None:
    assert set(LEAVES) >= SAMPLES.keys()
