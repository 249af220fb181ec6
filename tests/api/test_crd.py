"""The committed CRD on a real API server: accepted whole, and it does what it says."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.api import pool, tenant
from tests.api.given import (
    CRDS,
    POOL_RESOURCE,
    RESOURCE,
    TENANT_RESOURCE,
    TEST_GROUP,
    committed_crd,
    copied_crd,
    copied_pool_crd,
    copied_tenant_crd,
    leaves,
    rules,
    tried,
    version,
    whole,
    whole_pool,
    whole_tenant,
    with_value,
)
from tests.kube import KubectlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.api.given import Object
    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(60)]

SPEC = version()["schema"]["openAPIV3Schema"]["properties"]["spec"]
LEAVES = leaves(SPEC)


def accepted(api: Kube, made: Object) -> Object:
    """The object as the API server would store it."""
    stored: Object = json.loads(api.run("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(made)))
    return stored


def refused(api: Kube, made: Object) -> str:
    """What kubectl prints when the object is refused."""
    with pytest.raises(KubectlError) as error:
        accepted(api, made)
    return str(error.value)


@contextlib.contextmanager
def stored(api: Kube, made: Object) -> Iterator[str]:
    """The object on the server, for as long as the block runs; yields its name."""
    api.apply(made)
    name = made["metadata"]["name"]
    try:
        yield name
    finally:
        api.run("delete", RESOURCE, name, "-n", "default")


def test_the_committed_file_is_accepted(api: Kube) -> None:
    answer = api.run("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", str(CRDS))
    for plural, short_name in (("qwen3deployments", "q3d"), ("acceleratorpools", "acp"), ("qwen3tenants", "q3t")):
        assert f"{plural}.serving.qwen3.io" in answer
        assert committed_crd(plural)["spec"]["names"]["shortNames"] == [short_name]


@pytest.mark.parametrize(
    ("resource", "copied"),
    [(RESOURCE, copied_crd), (POOL_RESOURCE, copied_pool_crd), (TENANT_RESOURCE, copied_tenant_crd)],
)
def test_nothing_of_the_schema_is_dropped(api: Kube, resource: str, copied: Callable[[], Object]) -> None:
    crd = api.get("crd", resource)
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions
    (kept,) = crd["spec"]["versions"]
    (wanted,) = copied()["spec"]["versions"]
    assert kept["schema"] == wanted["schema"]
    assert kept["subresources"] == wanted["subresources"]


@pytest.mark.parametrize(("model", "rule"), [pytest.param(*pair, id=pair[1].message[:40]) for pair in rules()])
def test_rule(api: Kube, model: Any, rule: Any) -> None:
    accepted(api, tried(model, rule.good))
    assert rule.message in refused(api, tried(model, rule.bad))


def _rules_in(node: Any) -> set[str]:
    """Every CEL rule of a schema; a type that is used twice carries its rules twice."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = {rule["rule"] for rule in node.get("x-kubernetes-validations", ())} if isinstance(node, dict) else set()
    return own.union(*map(_rules_in, inside))


def test_every_rule_is_in_the_schema() -> None:
    plurals = ("qwen3deployments", pool.PLURAL, tenant.PLURAL)
    schemas = [committed_crd(plural)["spec"]["versions"][0]["schema"] for plural in plurals]
    assert _rules_in(schemas) == {rule.rule for _, rule in rules()}
    assert len(rules()) > 5


@pytest.mark.parametrize("argument", ["--host", "--hos=::", "--ho", "--port=1", "--por", "--enable-custom-logit"])
def test_short_forms_of_forbidden_arguments(api: Kube, argument: str) -> None:
    assert "spec.engine.extraArgs must not set" in refused(api, whole(engine={"extraArgs": [argument, "x"]}))


def _beyond(schema: Object) -> list[tuple[Any, str]]:
    """Values just outside of what a field takes, and a word of the refusal."""
    wrong: list[tuple[Any, str]] = []
    if schema["type"] == "integer":
        wrong += [(schema["minimum"] - 1, str(schema["minimum"])), (schema["maximum"] + 1, str(schema["maximum"]))]
        wrong += [
            (-(2**40), "greater than or equal"),
            (2**62, "less than or equal"),
            ("many", "integer"),
            (1.5, "integer"),
        ]
    if schema["type"] == "string":
        wrong += [("x" * (schema["maxLength"] + 1), "long")] if "maxLength" in schema else [("Nonsense", "supported")]
        wrong += [(7, "string")]
    if schema["type"] == "array":
        wrong += [([f"x{number}" for number in range(schema["maxItems"] + 1)], "items"), ("x", "array")]
        if schema["x-kubernetes-list-type"] == "set":
            wrong += [(["twice", "twice"], "Duplicate")]
    return wrong


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        pytest.param(path, value, word, id=f"{'.'.join(path)}={str(value)[:12]}")
        for path, schema in LEAVES
        for value, word in _beyond(schema)
    ],
)
def test_out_of_bounds(api: Kube, path: tuple[str, ...], value: Any, word: str) -> None:
    answer = refused(api, with_value(path, value))
    assert ".".join(("spec", *path)) in answer
    assert word in answer


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"model": {"source": None}}, ["spec.model.source", "Required value"]),
        ({"model": {"name": None}}, ["spec.model.name", "Required value"]),
        ({"model": {"name": ""}}, ["spec.model.name", "at least 1"]),
        ({"model": {"servedName": "a b"}}, ["spec.model.servedName", "should match"]),
        ({"model": {"source": {"persistentVolumeClaim": {"claimName": "Weights"}}}}, ["claimName", "should match"]),
        ({"model": {"source": {"persistentVolumeClaim": {"path": "/absolute"}}}}, ["path", "should match"]),
        ({"engine": {"image": "an image"}}, ["spec.engine.image", "should match"]),
        ({"modle": {"name": "Qwen3-8B"}}, ["spec.modle", "unknown field"]),
        ({"workload": {"inputTokens": {"p75": 3}}}, ["spec.workload.inputTokens.p75", "unknown field"]),
        ({"workload": {"requestsPerSecond": 2}}, ["spec.workload.requestsPerSecond", "string"]),
        ({"slo": {"timeToFirstToken": "0s"}}, ["spec.slo.timeToFirstToken must be a duration above zero"]),
        ({"slo": {"timePerOutputToken": "50 ms"}}, ["spec.slo.timePerOutputToken must be a duration above zero"]),
        ({"hardware": {"maxCostPerHour": "0.0"}}, ["spec.hardware.maxCostPerHour must be a decimal number above zero"]),
    ],
)
def test_refused(api: Kube, over: Object, words: list[str]) -> None:
    answer = refused(api, whole({"spec": over}))
    for word in words:
        assert word in answer


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"memoryPerDevice": "80G"}, ["spec.memoryPerDevice", "should match"]),
        ({"memoryPerDevice": "0Mi"}, ["spec.memoryPerDevice", "should match"]),
        ({"pricePerDeviceHour": "$2"}, ["spec.pricePerDeviceHour", "should match"]),
        ({"pricePerDeviceHour": 2}, ["spec.pricePerDeviceHour", "string"]),
        ({"resourceName": "gpu"}, ["spec.resourceName", "should match"]),
        ({"runtimeClassName": "No Such"}, ["spec.runtimeClassName", "should match"]),
        ({"images": {"SGLang": "an image"}}, ["spec.images.SGLang", "should match"]),
        ({"nodeSelector": {"team": "not a label"}}, ["spec.nodeSelector.team", "should match"]),
        ({"tolerations": [{"key": "a", "operator": "Exist"}]}, ["spec.tolerations[0].operator", "Exists"]),
        ({"tolerations": [{"key": "a", "effect": "Never"}]}, ["spec.tolerations[0].effect", "NoSchedule"]),
        ({"price": "2"}, ["spec.price", "unknown field"]),
    ],
)
def test_pool_refused(api: Kube, spec: Object, words: list[str]) -> None:
    answer = refused(api, whole_pool({"spec": spec}))
    for word in words:
        assert word in answer


def test_pool_board(api: Kube) -> None:
    api.apply(whole_pool(pricePerDeviceHour="2.49"))
    condition = {
        "type": "Ready", "status": "False", "reason": "NoNodes", "message": "No node has its labels.",
        "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    status = {"accelerator": "H100-SXM", "nodes": 2, "devices": 16, "freeDevices": 9, "conditions": [condition]}
    try:
        body = json.dumps({"status": status})
        api.run("patch", POOL_RESOURCE, "tried", "--subresource=status", "--type=merge", "-p", body)
        header, row = api.run("get", POOL_RESOURCE, "tried").splitlines()
        assert header.split() == ["NAME", "ACCELERATOR", "NODES", "DEVICES", "FREE", "PRICE", "READY", "REASON", "AGE"]
        assert row.split()[:-1] == ["tried", "H100-SXM", "2", "16", "9", "2.49", "False", "NoNodes"]
        assert "No node has its labels." in api.run("get", POOL_RESOURCE, "tried", "-o", "wide")
    finally:
        api.run("delete", POOL_RESOURCE, "tried")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"models": None}, ["spec.models", "Required value"]),
        ({"models": {"names": ["a b"]}}, ["spec.models.names[0]", "should match"]),
        ({"models": {"selector": {"namespaces": ["Team"]}}}, ["spec.models.selector.namespaces[0]", "should match"]),
        (
            {"models": {"selector": {"matchLabels": {"a": "b c"}}}},
            ["spec.models.selector.matchLabels.a", "should match"],
        ),
        ({"apiKeys": [{"key": "key"}]}, ["spec.apiKeys[0].secretName", "Required value"]),
        ({"apiKeys": [{"secretName": "Key"}]}, ["spec.apiKeys[0].secretName", "should match"]),
        ({"apiKeys": [{"secretName": "a", "key": "a/b"}]}, ["spec.apiKeys[0].key", "should match"]),
        ({"apiKeys": [{"secretName": "a"}] * 17}, ["spec.apiKeys", "16"]),
        ({"limits": {"requestsPerMinute": 0}}, ["spec.limits.requestsPerMinute", "greater than or equal to 1"]),
        ({"limits": {"concurrentRequests": 65_537}}, ["spec.limits.concurrentRequests", "65536"]),
        ({"quota": {"tokensPerDay": "many"}}, ["spec.quota.tokensPerDay", "integer"]),
        ({"priority": {"level": 10}}, ["spec.priority.level", "less than or equal to 9"]),
        ({"priority": {"weight": 0}}, ["spec.priority.weight", "greater than or equal to 1"]),
        ({"thinking": {"maxTokens": -1}}, ["spec.thinking.maxTokens", "greater than or equal to 0"]),
        ({"limit": {}}, ["spec.limit", "unknown field"]),
    ],
)
def test_tenant_refused(api: Kube, spec: Object, words: list[str]) -> None:
    answer = refused(api, whole_tenant({"spec": spec}))
    for word in words:
        assert word in answer


def test_tenant_board(api: Kube) -> None:
    kept = accepted(api, whole_tenant(apiKeys=[{"secretName": "acme"}]))["spec"]
    assert kept["apiKeys"] == [{"secretName": "acme", "key": "key"}]
    assert kept["priority"] == {"level": 0, "weight": 1}
    api.apply(whole_tenant())
    condition = {
        "type": "Ready", "status": "True", "reason": "Serving", "message": "1 key, 1 model.",
        "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    status = {
        "keys": "1/2", "models": ["Qwen3-Tiny"], "today": "12/900", "lastUsed": "2026-01-01T00:00:00Z",
        "conditions": [condition],
    }  # fmt: skip
    try:
        body = json.dumps({"status": status})
        api.run("patch", TENANT_RESOURCE, "tried", "-n", "default", "--subresource=status", "--type=merge", "-p", body)
        header, row = api.run("get", TENANT_RESOURCE, "tried", "-n", "default").splitlines()
        assert header.split() == ["NAME", "KEYS", "MODELS", "TODAY", "USED", "READY", "REASON", "AGE"]
        shown = row.split()
        assert shown[:4] == ["tried", "1/2", '["Qwen3-Tiny"]', "12/900"]
        assert shown[5:7] == ["True", "Serving"]
        assert "1 key, 1 model." in api.run("get", TENANT_RESOURCE, "tried", "-n", "default", "-o", "wide")
    finally:
        api.run("delete", TENANT_RESOURCE, "tried", "-n", "default")


def test_defaults_are_filled_in(api: Kube) -> None:
    spec = accepted(api, whole())["spec"]
    assert spec["drainTimeoutSeconds"] == 120
    assert spec["model"]["quantization"] == "Auto"
    assert spec["engine"] == {"name": "Auto", "kvCacheDataType": "Auto"}
    assert spec["slo"] == {"percentile": 95}
    assert spec["optimizeFor"] == "Cost"
    assert "status" not in accepted(api, whole())
    # How many replicas there are, and for what load, is not for a default to say.
    assert spec["scaling"] == {"mode": "Off", "minReplicas": 1, "manualHoldSeconds": 900}
    assert spec.keys() == {"drainTimeoutSeconds", "engine", "model", "optimizeFor", "scaling", "slo"}


def test_null_means_unset(api: Kube) -> None:
    made = whole()
    made["spec"] |= {"replicas": None, "workload": None, "slo": None}
    spec = accepted(api, made)["spec"]
    assert not {"replicas", "workload"} & spec.keys()
    assert spec["slo"] == {"percentile": 95}


def test_unknown_fields_are_pruned_where_kubectl_does_not_check(api: Kube) -> None:
    text = json.dumps(whole(surprise=1))
    answer = api.run("create", "--dry-run=server", "--validate=false", "-o", "json", "-f", "-", stdin=text)
    assert "surprise" not in json.loads(answer)["spec"]


def test_scale(api: Kube) -> None:
    with stored(api, whole({"metadata": {"name": "scaled"}})) as name:
        status = {"replicas": 2, "selector": "serving.qwen3.io/deployment=scaled"}
        _patch_status(api, name, status)
        api.run("scale", RESOURCE, name, "-n", "default", "--replicas=3")
        assert api.get(RESOURCE, name, "default")["spec"]["replicas"] == 3
        path = f"/apis/{TEST_GROUP}/v1alpha1/namespaces/default/tried/{name}/scale"
        scale = json.loads(api.run("get", "--raw", path))
        assert scale["spec"]["replicas"] == 3
        assert scale["status"] == status
        with pytest.raises(KubectlError, match="less than or equal to 1000"):
            api.run("scale", RESOURCE, name, "-n", "default", "--replicas=1001")


def test_status_is_written_apart(api: Kube) -> None:
    made = whole({"metadata": {"name": "apart"}, "status": {"url": "http://forged"}})
    with stored(api, made) as name:
        kept = api.get(RESOURCE, name, "default")
        assert "url" not in kept.get("status", {})
        _patch_status(api, name, {"url": "http://true", "surprise": 1})
        after = api.get(RESOURCE, name, "default")
        assert after["status"] == {"url": "http://true"}
        assert after["metadata"]["generation"] == kept["metadata"]["generation"]


def test_board(api: Kube) -> None:
    with stored(api, whole({"metadata": {"name": "qwen3-235b"}}, model={"name": "Qwen3-235B-A22B"})) as name:
        empty = api.run("get", RESOURCE, name, "-n", "default").splitlines()
        assert empty[0].split() == ["NAME", "MODEL", "QUANT", "ACCELERATOR", "TP", "READY", "REASON", "AGE"]
        condition = {
            "type": "Ready", "status": "False", "reason": "WaitingForReplicas", "message": "Loading weights.",
            "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        other = condition | {"type": "Planned", "status": "True", "reason": "Fits"}
        status = {
            "model": "Qwen3-235B-A22B", "quantization": "GPTQ-INT4", "accelerator": "Ascend-910B4-64GB",
            "tensorParallel": 16, "ready": "1/2", "updatedReplicas": 7,
            "url": "http://qwen3-235b.default.svc/v1", "conditions": [other, condition],
        }  # fmt: skip
        _patch_status(api, name, status)
        header, row = api.run("get", RESOURCE, name, "-n", "default").splitlines()
        assert row.split()[:-1] == [
            "qwen3-235b", "Qwen3-235B-A22B", "GPTQ-INT4", "Ascend-910B4-64GB", "16", "1/2", "WaitingForReplicas",
        ]  # fmt: skip
        assert max(len(header), len(row)) <= 120
        wide = api.run("get", RESOURCE, name, "-n", "default", "-o", "wide")
        assert "http://qwen3-235b.default.svc/v1" in wide
        assert "Loading weights." in wide
        assert "UP-TO-DATE" in wide.splitlines()[0]
        assert wide.splitlines()[1].split()[8] == "7"


def test_lists_merge_by_their_keys(api: Kube) -> None:
    with stored(api, whole({"metadata": {"name": "merged"}})) as name:
        for kind in ("Planned", "Ready"):
            _apply_status(api, name, kind)
        conditions = api.get(RESOURCE, name, "default")["status"]["conditions"]
        assert sorted(condition["type"] for condition in conditions) == ["Planned", "Ready"]


def _patch_status(api: Kube, name: str, status: Object) -> None:
    body = json.dumps({"status": status})
    api.run("patch", RESOURCE, name, "-n", "default", "--subresource=status", "--type=merge", "-p", body)


def _apply_status(api: Kube, name: str, kind: str) -> None:
    """One condition, by a field manager of its own."""
    condition = {
        "type": kind, "status": "True", "reason": "Tried", "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    made = whole({"metadata": {"name": name}, "status": {"conditions": [condition]}})
    del made["spec"]
    api.run(
        "apply", "--server-side", f"--field-manager=tests-{kind.lower()}", "--subresource=status", "-f", "-",
        stdin=json.dumps(made),
    )  # fmt: skip
