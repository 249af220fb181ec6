from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.api.schema import structural
from qwen3_operator.api.tenant import TenantSpec
from qwen3_operator.reconcile.kinds import Key
from qwen3_runtime.config import ThinkingMode
from tests.api.given import leaves
from tests.objects import merged
from tests.unit.tenancy.given import KEY, OTHER_KEY, compiled, secret, served, tenant

if TYPE_CHECKING:
    from qwen3_operator.tenancy.served import Served

DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
OTHER_DIGEST = hashlib.sha256(OTHER_KEY.encode()).hexdigest()


def verdict(found: Any, name: str, kind: str) -> tuple[str, str, str]:
    entry = found.grants[name].verdicts[kind]
    return entry.status.value, entry.reason, entry.message


def test_a_tenant_gets_its_key_and_its_model() -> None:
    found = compiled()
    (granted,) = found.tenants.tenants
    assert granted.key_digests == (DIGEST,)
    assert granted.models == ("chat",)
    assert [(route.name, route.namespace, route.deployment) for route in found.routes.models] == [
        ("chat", "team-a", "chat")
    ]
    assert verdict(found, "acme", "Ready") == ("True", "Serving", "requests are answered: 1 key and 1 model")
    assert found.offers[Key("team-a", "chat")].reason == "Offered"


# Field to two values that must not lead to the same answer.
FIELDS: dict[str, tuple[Any, Any]] = {
    "apiKeys": ([{"secretName": "acme"}], [{"secretName": "acme", "key": "other"}]),
    "models.names": (["chat"], ["code"]),
    "models.selector.namespaces": (["team-a"], ["team-b"]),
    "models.selector.matchLabels": ({"tier": "one"}, {"tier": "two"}),
    "limits.requestsPerMinute": (1, 2),
    "limits.inputTokensPerMinute": (1, 2),
    "limits.outputTokensPerMinute": (1, 2),
    "limits.concurrentRequests": (1, 2),
    "quota.tokensPerDay": (1, 2),
    "quota.tokensPerMonth": (1, 2),
    "priority.level": (0, 1),
    "priority.weight": (1, 2),
    "thinking.maxTokens": (0, 1),
}


def answer(path: str, value: Any) -> Any:
    nested: Any = value
    for name in reversed(path.split(".")):
        nested = {name: nested}
    base: dict[str, Any] = {"apiKeys": [{"secretName": "acme"}], "models": {}}
    asked = tenant(**merged(base, nested))
    deployments = (
        served("chat", labels={"tier": "one"}),
        served("code", labels={"tier": "two"}, namespace="team-b"),
    )
    return compiled([asked], {"acme": secret(key=KEY, other=OTHER_KEY)}, *deployments).tenants


def test_all_fields_are_listed() -> None:
    found = {".".join(path) for path, _ in leaves(structural(TenantSpec, defaults=True))}
    assert found - {"devices.namespace", "devices.max"} == set(FIELDS), "devices are none of the gateway's"


@pytest.mark.parametrize("path", FIELDS)
def test_field_has_an_effect(path: str) -> None:
    one, two = FIELDS[path]
    assert answer(path, one) == answer(path, one)
    assert answer(path, one) != answer(path, two)


def test_two_keys_are_valid_while_one_replaces_the_other() -> None:
    both = tenant(apiKeys=[{"secretName": "acme", "key": "old"}, {"secretName": "acme", "key": "new"}])
    found = compiled([both], {"acme": secret(old=KEY, new=OTHER_KEY)})
    assert found.tenants.tenants[0].key_digests == (DIGEST, OTHER_DIGEST)
    assert found.grants["acme"].keys == "2/2"


@pytest.mark.parametrize(
    ("entries", "reason", "words"),
    [
        (None, "SecretNotFound", "kubectl create secret generic acme --type=serving.qwen3.io/api-key"),
        ({"other": KEY}, "KeyNotFound", "entries are: other"),
        ({"key": "short"}, "InvalidKey", "has 5 characters: 32 to 1024"),
    ],
)
def test_a_missing_key_locks_out_and_says_why(entries: dict[str, str] | None, reason: str, words: str) -> None:
    found = compiled([tenant()], {} if entries is None else {"acme": secret(**entries)})
    assert found.tenants.tenants[0].key_digests == ()
    for kind in ("KeysReady", "Ready"):
        status, said, message = verdict(found, "acme", kind)
        assert (status, said) == ("False", reason)
        assert "spec.apiKeys[0] (Secret acme, entry key)" in message
        assert words in message


def test_one_of_two_keys_is_enough_to_be_ready() -> None:
    found = compiled([tenant(apiKeys=[{"secretName": "acme"}, {"secretName": "gone"}])])
    assert verdict(found, "acme", "KeysReady")[:2] == ("False", "SecretNotFound")
    assert verdict(found, "acme", "Ready")[0] == "True"
    assert "1 of 2 keys" in verdict(found, "acme", "Ready")[2]


def test_without_keys_a_tenant_is_locked_out() -> None:
    assert verdict(compiled([tenant(apiKeys=[])]), "acme", "Ready")[:2] == ("False", "NoKeys")


def test_a_key_belongs_to_the_oldest_tenant() -> None:
    young = tenant("young", created="2026-11-25T12:00:00Z")
    found = compiled([young, tenant()], {"acme": secret(key=KEY), "young": secret(key=KEY)})
    assert {one.name: one.key_digests for one in found.tenants.tenants} == {"acme": (DIGEST,), "young": ()}
    status, reason, message = verdict(found, "young", "KeysReady")
    assert (status, reason) == ("False", "KeyTaken")
    assert "also a key of tenant acme" in message
    assert verdict(found, "acme", "Ready")[0] == "True"


@pytest.mark.parametrize(
    ("deployments", "reason", "words"),
    [
        ([served("chats")], "ModelNotFound", "spec.models.names: chat is not served; did you mean chats?"),
        ([served(allowed={})], "NotAllowed", "team-a/chat does not let acme in"),
        ([served(allowed={"names": ["other"]})], "NotAllowed", "its owner adds it to spec.tenants.allowed.names"),
        ([served(planned=None)], "ModelNotReady", "its condition Offered says why"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(deployments: list[Any], reason: str, words: str) -> None:
    found = compiled([tenant()], None, *deployments)
    assert found.tenants.tenants[0].models == ()
    for kind in ("ModelsReady", "Ready"):
        status, said, message = verdict(found, "acme", kind)
        assert (status, said) == ("False", reason)
        assert words in message


def test_another_tenants_model_is_not_granted() -> None:
    mine, theirs = served("mine", allowed={"names": ["acme"]}), served("theirs", allowed={"names": ["other"]})
    found = compiled([tenant(models={"selector": {}})], None, mine, theirs)
    assert found.tenants.tenants[0].models == ("mine",)
    assert {route.name for route in found.routes.models} == {"mine", "theirs"}


def test_a_selector_that_finds_nothing_is_said() -> None:
    found = compiled([tenant(models={"selector": {"namespaces": ["team-z"]}})])
    assert verdict(found, "acme", "ModelsReady")[:2] == ("False", "NothingSelected")


def test_a_served_name_belongs_to_the_oldest_deployment() -> None:
    old = served(created="2026-11-23T12:00:00Z", namespace="team-b")
    found = compiled([tenant()], None, served(), old)
    assert [(route.namespace, route.deployment) for route in found.routes.models] == [("team-b", "chat")]
    refused = found.offers[Key("team-a", "chat")]
    assert (refused.status.value, refused.reason) == ("False", "ServedNameTaken")
    assert "team-b/chat, which is older: set spec.model.servedName" in refused.message


def test_without_consent_there_is_no_route_and_nothing_to_tell() -> None:
    found = compiled([tenant()], None, served(allowed={}))
    assert found.routes.models == ()
    assert found.offers == {}


def test_only_what_holds_a_route_goes_by_its_name() -> None:
    """A namesake, or one that lets no tenant in, must not wake for what tenants ask of another."""
    oldest = served("chat", namespace="team-a", created="2026-11-24T12:00:00Z")
    namesake = served("chat", namespace="team-b", created="2026-11-25T12:00:00Z")
    closed = served("chat", namespace="team-c", allowed={}, created="2026-11-23T12:00:00Z")
    found = compiled([tenant()], None, namesake, closed, oldest)
    assert found.names == {Key("team-a", "chat"): "chat"}


def test_a_deployment_on_its_way_out_is_no_longer_offered() -> None:
    leaving = served()
    gone = {**leaving.deployment["metadata"], "deletionTimestamp": "2026-11-27T12:00:00Z"}
    one = served(planned=leaving.plan)
    object.__setattr__(one, "deployment", {**leaving.deployment, "metadata": gone})
    assert compiled([tenant()], None, one).routes.models == ()


def test_an_object_of_another_version_lets_nobody_in() -> None:
    broken = tenant()
    broken["spec"]["limits"] = {"requestsPerMinute": "many"}
    found = compiled([broken, tenant("other", apiKeys=[])])
    assert [one.name for one in found.tenants.tenants] == ["other"]
    assert verdict(found, "acme", "Ready")[1] == "InvalidSpec"


def test_the_order_of_objects_does_not_matter() -> None:
    tenants = [tenant("a"), tenant("b")]
    deployments = [served("one"), served("two")]
    assert compiled(tenants, {}, *deployments) == compiled(tenants[::-1], {}, *deployments[::-1])


def test_a_long_list_of_mistakes_is_cut() -> None:
    found = compiled([tenant(models={"names": [f"m{number}" for number in range(9)]})])
    assert "0 of 9 models" in verdict(found, "acme", "ModelsReady")[2]
    assert "and 5 more" in verdict(found, "acme", "ModelsReady")[2]


@pytest.mark.parametrize(
    ("most", "mode", "budget", "status", "words"),
    [
        (2048, ThinkingMode.HYBRID, None, "False", "chat: Qwen3Deployment team-a/chat takes no budgets"),
        (2048, ThinkingMode.ALWAYS, None, "False", "sets spec.thinking.maxBudgetTokens, to 2048 or more"),
        (2048, ThinkingMode.HYBRID, 4096, "True", "no thought exceeds 2048 tokens"),
        (2048, ThinkingMode.NEVER, None, "True", "no thought exceeds 2048 tokens"),
        (0, ThinkingMode.HYBRID, None, "True", "no thought exceeds 0 tokens"),
        (0, ThinkingMode.ALWAYS, None, "False", "takes no budgets"),
    ],
)
def test_a_ceiling_on_thinking_that_cannot_hold_is_said(
    most: int, mode: ThinkingMode, budget: int | None, status: str, words: str
) -> None:
    thinking = {"thinking": {"maxBudgetTokens": budget}} if budget else {}
    found = compiled([tenant(thinking={"maxTokens": most})], None, served(spec=thinking, thinking=mode))
    told = verdict(found, "acme", "ThinkingLimited")
    assert told[0] == status
    assert words in told[2]
    (route,) = found.routes.models
    assert (route.thinking, route.max_thinking_tokens) == (mode, budget)


def test_without_a_ceiling_nothing_is_said_of_thinking() -> None:
    assert "ThinkingLimited" not in compiled().grants["acme"].verdicts


def lora(name: str, *adapters: str, **fields: Any) -> Served:
    claim = {"persistentVolumeClaim": {"claimName": "lora"}}
    listed = [{"name": adapter, "source": claim} for adapter in adapters]
    return served(name, spec={"model": {"servedName": name, "adapters": listed}}, **fields)


def test_adapters_are_models_of_their_own_behind_one_route() -> None:
    asked = tenant(models={"names": ["law"]})
    found = compiled([asked], None, lora("chat", "law", "tax"))
    assert found.tenants.tenants[0].models == ("law",)
    assert [(route.name, route.adapters) for route in found.routes.models] == [("chat", ("law", "tax"))]
    assert found.names == {Key("team-a", "chat"): "chat"}
    message = "tenants reach it through the gateway as chat, its adapters as law, tax"
    assert found.offers[Key("team-a", "chat")].message == message


def test_a_selector_takes_the_adapters_too() -> None:
    found = compiled([tenant(models={"selector": {}}, thinking={"maxTokens": 5})], None, lora("chat", "law"))
    assert found.tenants.tenants[0].models == ("chat", "law")
    assert len(found.grants["acme"].verdicts) == 4


def test_a_name_belongs_to_the_oldest_whether_model_or_adapter() -> None:
    older = lora("chat", "law", created="2026-11-24T12:00:00Z")
    adapter = lora("other", "law", "tax", created="2026-11-25T12:00:00Z")
    model = lora("tax", created="2026-11-26T12:00:00Z")
    found = compiled([tenant(models={"selector": {}})], None, older, adapter, model)
    assert [(route.name, route.adapters) for route in found.routes.models] == [("chat", ("law",)), ("other", ("tax",))]
    assert found.offers[adapter.key].message.endswith("; adapter law is not offered: the name belongs to team-a/chat")
    assert found.offers[model.key].reason == "ServedNameTaken"
    assert "team-a/other" in found.offers[model.key].message


def test_an_adapter_of_who_does_not_let_the_tenant_in_is_named() -> None:
    found = compiled([tenant(models={"names": ["law"]})], None, lora("chat", "law", allowed={"names": ["other"]}))
    _, reason, message = verdict(found, "acme", "ModelsReady")
    assert reason == "NotAllowed"
    assert "spec.models.names: law: Qwen3Deployment team-a/chat does not let acme in" in message
