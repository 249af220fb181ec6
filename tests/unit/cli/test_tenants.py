"""``kubectl qwen3 tenants`` against an API server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.api_server import GROUP, ApiServer, serving
from tests.unit.cli.samples import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _tenant(name: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "team"},
        "spec": {"models": {"names": ["chat"]}},
        "status": status,
    }


READY = {
    "type": "Ready", "status": "True", "observedGeneration": 1, "lastTransitionTime": "2026-11-24T20:00:00Z",
    "reason": "Serving", "message": "",
}  # fmt: skip
USAGE = [
    {"limit": "requestsPerMinute", "used": 12, "allowed": 60},
    {"limit": "concurrentRequests", "used": 2},
    {"limit": "tokensPerDay", "used": 1_234_567, "allowed": 5_000_000},
]


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[str]:
    """Of a server with two tenants in the namespace of the context."""
    devices = [{"resource": "nvidia.com/gpu", "used": 2, "max": 8}]
    found = {"conditions": [READY], "keys": "2/2", "models": ["chat", "code"], "usage": USAGE, "devices": devices}
    acme = _tenant("acme", **found, lastUsed="2026-11-24T20:00:00Z")
    server = ApiServer({f"{GROUP}/qwen3tenants": [_tenant("young"), acme]})
    with serving(server, tmp_path) as path:
        yield path


def test_a_row_per_tenant(kubeconfig: str) -> None:
    header, acme, young = run("tenants", "--kubeconfig", kubeconfig).stdout.splitlines()
    assert header.split()[:4] == ["TENANT", "READY", "KEYS", "MODELS"]
    assert acme.split()[:8] == ["acme", "Serving", "2/2", "chat", "code", "12/60", "-", "-"]
    assert acme.split()[8:13] == ["2", "1.23M/5M", "-", "2/8", "nvidia.com/gpu"]
    assert acme.endswith("d ago")
    assert young.split() == ["young", *["-"] * 10, "never"]


def test_one_tenant_for_a_program(kubeconfig: str) -> None:
    (only,) = json.loads(run("tenants", "acme", "--kubeconfig", kubeconfig, "-o", "json").stdout)
    assert only["name"] == "acme"
    assert only["usage"] == USAGE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "Qwen3Tenant 'nobody' does not exist in namespace team: there are acme"),
        (["-n", "other"], "there is no Qwen3Tenant in namespace other\n"),
    ],
)
def test_who_is_not_there_is_named(kubeconfig: str, arguments: list[str], words: str) -> None:
    result = run("tenants", *arguments, "--kubeconfig", kubeconfig)
    assert result.exit_code == 2
    assert words in result.stderr
