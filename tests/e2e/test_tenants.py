"""Two tenants, two names of the tiny model, one of them asleep: keys, what each sees, and what reaches an engine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.conftest import make_namespace, remove_namespace
from tests.e2e.tenants import (
    GATEWAY,
    SYSTEM,
    as_tenant,
    front_door,
    is_let_in,
    key_secret,
    new_key,
    tenant,
    tenant_condition,
    wait_tenant,
)
from tests.kube import KubectlError, poll
from tests.objects import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

NAMESPACE = "tenants"
ACME, GLOBEX = "acme-e2e", "globex-e2e"
AWAKE, ASLEEP = "tenants-awake", "tenants-asleep"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 8080), timeout=5).close()"


@dataclass(frozen=True)
class House:
    """Where the front door is, and the keys to it."""

    url: str
    acme: str
    globex: str


@pytest.fixture(scope="module")
def house(kube: Kube, platform: dict[str, str]) -> Iterator[House]:
    """acme may use the model that runs, globex the one that sleeps."""
    acme, globex = new_key(), new_key()
    make_namespace(kube, NAMESPACE, platform["modelFolder"])
    try:
        kube.apply(
            _offered("awake", AWAKE, {"names": [ACME]}),
            _offered("asleep", ASLEEP, {"all": True}, replicas=0),
            key_secret(ACME, key=acme),
            key_secret(GLOBEX, key=globex),
            tenant(ACME, [AWAKE], quota={"tokensPerDay": 1_000_000}),
            tenant(GLOBEX, [ASLEEP]),
        )
        kube.wait_condition("awake", NAMESPACE, "Ready", "True")
        for name in (ACME, GLOBEX):
            wait_tenant(kube, name)
        with front_door(kube) as url:
            poll("the gateway knows acme", lambda: is_let_in(url, acme), timeout=30)
            yield House(url, acme, globex)
    finally:
        for kind in ("q3t", "secret"):
            kube.run("delete", kind, ACME, GLOBEX, "-n", SYSTEM, "--ignore-not-found")
        remove_namespace(kube, NAMESPACE)


def _offered(name: str, served: str, allowed: dict[str, Any], **spec: Any) -> Any:
    return deployment(name, NAMESPACE, model={"servedName": served}, tenants={"allowed": allowed}, **spec)


def test_answers_stream_through_the_gateway(house: House) -> None:
    with as_tenant(house.url, house.acme) as client:
        whole = client.chat.completions.create(model=AWAKE, messages=HELLO, temperature=0)
        parts = client.chat.completions.create(model=AWAKE, messages=HELLO, temperature=0, stream=True)
        deltas = [chunk.choices[0].delta for chunk in parts if chunk.choices]
    assert len(deltas) > 2
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content


@pytest.mark.parametrize("key", ["wrong" * 8, "short", "none"])
def test_a_wrong_key_is_refused(house: House, key: str) -> None:
    with as_tenant(house.url, key) as client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model=AWAKE, messages=HELLO)


def test_a_tenant_sees_its_own_models_alone(house: House) -> None:
    for key, own, other in ((house.acme, AWAKE, ASLEEP), (house.globex, ASLEEP, AWAKE)):
        with as_tenant(house.url, key) as client:
            assert [model.id for model in client.models.list()] == [own]
            with pytest.raises(openai.NotFoundError):
                client.chat.completions.create(model=other, messages=HELLO)


def test_a_key_is_rotated_without_a_gap_and_the_old_one_is_refused(kube: Kube, house: House) -> None:
    old, new, name = new_key(), new_key(), "rotating-e2e"
    entries = [{"secretName": name, "key": "old"}, {"secretName": name, "key": "new"}]
    try:
        kube.apply(key_secret(name, old=old), tenant(name, [ASLEEP], entries[:1]))
        _until(house.url, old, is_in=True)
        kube.apply(key_secret(name, old=old, new=new), tenant(name, [ASLEEP], entries))
        _until(house.url, new, is_in=True)
        assert is_let_in(house.url, old)
        kube.apply(tenant(name, [ASLEEP], entries[1:]))
        _until(house.url, old, is_in=False)
        assert is_let_in(house.url, new)
        kube.run("delete", "secret", name, "-n", SYSTEM)
        _until(house.url, new, is_in=False)
        assert "SecretNotFound" in wait_tenant(kube, name, "False")["reason"]
    finally:
        kube.run("delete", "q3t", name, "-n", SYSTEM)
        kube.run("delete", "secret", name, "-n", SYSTEM, "--ignore-not-found")


def _until(url: str, key: str, *, is_in: bool) -> None:
    """Wait for the gateway to take or refuse a key, and print how long that took: a second, on a machine to itself."""
    started = time.monotonic()
    poll(f"key let in: {is_in}", lambda: is_let_in(url, key) is is_in, timeout=15, interval=0.05)
    print(f"key {'let in' if is_in else 'refused'} after {time.monotonic() - started:.2f} s")


def test_a_tenant_that_may_not_is_told(kube: Kube, house: House) -> None:
    name = "told-e2e"
    try:
        kube.apply(key_secret(name, key=house.acme), tenant(name, [AWAKE]))
        found = wait_tenant(kube, name, "False", "KeyTaken")
        assert f"also a key of tenant {ACME}" in found["message"]
        models = tenant_condition(kube, name, "ModelsReady")
        assert models["reason"] == "NotAllowed"
        assert "its owner adds it to spec.tenants.allowed.names" in models["message"]
        assert house.acme not in kube.run("get", "q3t", "-n", SYSTEM, "-o", "yaml")
        assert "KeyTaken" in kube.run("events", "-n", SYSTEM, "--for", f"q3t/{name}")
    finally:
        kube.run("delete", "q3t,secret", name, "-n", SYSTEM)


@pytest.mark.usefixtures("house")
def test_a_served_name_belongs_to_the_older_deployment(kube: Kube) -> None:
    kube.apply(_offered("younger", AWAKE, {"all": True}, replicas=0))
    found = kube.wait_condition("younger", NAMESPACE, "Offered", "False", reason="ServedNameTaken")
    assert f"{NAMESPACE}/awake, which is older" in found["message"]
    assert kube.condition("awake", NAMESPACE, "Offered")["status"] == "True"
    kube.run("delete", "q3d", "younger", "-n", NAMESPACE)


@pytest.mark.usefixtures("house")
def test_the_engine_is_reached_by_the_gateway_alone(kube: Kube) -> None:
    (pod,) = kube.list("pods", NAMESPACE)
    address = pod["status"]["podIP"]

    def connect(place: str) -> None:
        kube.run("exec", "-n", SYSTEM, f"deploy/{place}", "--", "python", "-c", CONNECT, address)

    connect(GATEWAY)
    with pytest.raises(KubectlError, match=r"timed out|refused"):
        connect("qwen3-operator")


def test_usage_appears_in_the_status(kube: Kube, house: House) -> None:
    with as_tenant(house.url, house.acme) as client:
        answer = client.chat.completions.create(model=AWAKE, messages=HELLO, temperature=0)
    assert answer.usage is not None

    def used() -> int:
        usage = kube.get("q3t", ACME, SYSTEM).get("status", {}).get("usage", ())
        return next((int(one["used"]) for one in usage if one["limit"] == "tokensPerDay"), 0)

    poll("usage of acme", lambda: used() >= answer.usage.total_tokens if answer.usage else False, timeout=90)
    status = kube.get("q3t", ACME, SYSTEM)["status"]
    assert status["lastUsed"]
    assert status["today"].endswith("/1000000")
    board = kube.run("get", "q3t", ACME, "-n", SYSTEM)
    assert "Serving" in board


def test_a_revoked_tenant_is_refused(kube: Kube, house: House) -> None:
    kube.run("delete", "q3t", GLOBEX, "-n", SYSTEM)
    _until(house.url, house.globex, is_in=False)
    assert is_let_in(house.url, house.acme)


def test_a_tenants_devices_are_limited_by_a_quota_that_goes_with_it(kube: Kube, namespace: str) -> None:
    gpus, name = "requests.nvidia.com/gpu", "qwen3-tenant-builder"
    devices = {"namespace": namespace, "max": {"nvidia.com/gpu": 3}}
    try:
        kube.apply(tenant("builder", [AWAKE], [], devices=devices))
        poll("the quota", lambda: _hard(kube, namespace, name) == {gpus: "3"}, timeout=30)
        poll("status", lambda: _devices(kube) == [{"resource": "nvidia.com/gpu", "used": 0, "max": 3}], timeout=30)
        assert tenant_condition(kube, "builder", "DevicesLimited")["status"] == "True"
        kube.patch("resourcequota", name, namespace, {"spec": {"hard": {gpus: "30"}}})
        poll("put right", lambda: _hard(kube, namespace, name) == {gpus: "3"}, timeout=30)
    finally:
        kube.run("delete", "q3t", "builder", "-n", SYSTEM, "--ignore-not-found")
    poll("gone with the tenant", lambda: kube.find("resourcequota", name, namespace) is None, timeout=30)


def _hard(kube: Kube, namespace: str, name: str) -> dict[str, str]:
    found = kube.find("resourcequota", name, namespace)
    return dict(found["spec"]["hard"]) if found else {}


def _devices(kube: Kube) -> list[Any]:
    return list(kube.get("q3t", "builder", SYSTEM).get("status", {}).get("devices", ()))
