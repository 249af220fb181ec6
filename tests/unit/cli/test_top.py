"""``kubectl qwen3 top`` against an API server and a Prometheus, at a URL and behind the API server."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from aiohttp import web
from typing_extensions import override

from qwen3_operator.cli.top_series import QUERY
from tests.unit.cli.api_server import GROUP, ApiServer, serving
from tests.unit.cli.samples import run
from tests.unit.docs.test_monitoring import EXPORTED, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Object = dict[str, Any]
PROXY = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy"
SERVICE = "monitoring/prometheus:9090"


def _before(**length: float) -> str:
    return (datetime.now(UTC) - timedelta(**length)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _deployment(name: str, namespace: str = "team", **status: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "model": {"name": "Qwen3-8B", "source": {"persistentVolumeClaim": {"claimName": "w"}}},
            "slo": {"timeToFirstToken": "2s"} if name == "chat" else {},
        },
        "status": status,
    }


def _condition(reason: str, status: str = "True") -> Object:
    return {
        "type": "Autoscaling", "status": status, "observedGeneration": 1, "reason": reason, "message": "",
        "lastTransitionTime": "2026-11-24T20:00:00Z",
    }  # fmt: skip


def _decision(**over: Any) -> Object:
    at = _before(seconds=12)
    return {"at": at, "nextAt": at, "rule": "Headroom", "wanted": "2.40", "granted": {"gpu": 2, "npu": 1}, **over}


def _series(deployment: str, quantity: str, value: str) -> Object:
    labels = {"namespace": "team", "serving_qwen3_io_deployment": deployment, "quantity": quantity}
    return {"metric": labels, "value": [0, value]}


NUMBERS = [
    _series("chat", "running", "12"),
    _series("chat", "waiting", "3"),
    _series("chat", "first_token_seconds", "0.8125"),
    _series("chat", "tokens_per_second", "1234.5"),
    _series("chat", "kv_cache", "0.424"),
    _series("code", "running", "0"),
    _series("code", "first_token_seconds", "NaN"),
]


class Server(ApiServer):
    """With a Prometheus behind it, which is at the server's own URL, too."""

    def __init__(self, deployments: list[Object]) -> None:
        super().__init__({f"{GROUP}/qwen3deployments": deployments})
        self.prometheus: Any = {"status": "success", "data": {"resultType": "vector", "result": NUMBERS}}

    @override
    async def answer(self, request: web.Request) -> web.Response:
        if request.path in {f"{PROXY}/api/v1/query", "/api/v1/query"}:
            assert request.query["query"] == QUERY
            return web.json_response(self.prometheus)
        return await super().answer(request)


class Place(NamedTuple):
    server: Server
    kubeconfig: str

    @property
    def url(self) -> str:
        with open(self.kubeconfig, encoding="utf-8") as file:  # noqa: PTH123
            return str(yaml.safe_load(file)["clusters"][0]["cluster"]["server"])

    def top(self, *arguments: str) -> list[str]:
        result = run("top", *arguments, "--kubeconfig", self.kubeconfig)
        assert result.exit_code == 0, result.stderr
        return result.stdout.splitlines()

    def refusal(self, *arguments: str) -> str:
        result = run("top", *arguments, "--kubeconfig", self.kubeconfig)
        assert result.exit_code == 2
        return result.stderr


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    bounds = {"minReplicas": 2, "maxReplicas": 3, "schedules": ["office"]}
    chat = _deployment(
        "chat",
        ready="2/3",
        conditions=[_condition("Deciding")],
        decision=_decision(stopped=["MaxReplicas"], bounds=bounds),
        decisions=[{"at": _before(minutes=5), "before": 2, "after": 3, "rule": "Headroom", "reason": "work"}],
    )
    others = [
        _deployment("code", ready="1/1"),
        _deployment("blind", conditions=[_condition("PrometheusFailed", "False")], decision=_decision()),
        _deployment("advised", ready="1/1", conditions=[_condition("Advising")], decision=_decision()),
        _deployment("far", "elsewhere", ready="0/0"),
    ]
    server = Server([*others, chat])
    with serving(server, tmp_path) as path:
        yield Place(server, path)


def _cells(lines: list[str]) -> dict[str, list[str]]:
    """Cells of each row by name; two blanks divide columns."""
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[1:]]
    return {cells[1]: cells[2:] for cells in rows}


@pytest.mark.parametrize("behind", ["service", "url"])
def test_a_row_per_deployment(place: Place, behind: str) -> None:
    lines = place.top("--prometheus", SERVICE if behind == "service" else place.url)
    assert lines[0].split() == [
        "NAMESPACE", "NAME", "READY", "RUNNING", "WAITING", "TTFT", "P95", "TOKENS/S", "KV",
        "DECISION", "LAST", "CHANGE",
    ]  # fmt: skip
    rows = _cells(lines)
    assert list(rows) == ["advised", "blind", "chat", "code"]
    assert rows["chat"][:6] == ["2/3", "12", "3", "0.81s/2s", "1.23k", "42%"]
    assert rows["chat"][6].startswith('Headroom: 3 (MaxReplicas, "office"), ')
    assert rows["chat"][7] == "2 -> 3, 5m ago"
    assert rows["code"] == ["1/1", "0", "-", "-", "-", "-", "-", "-"]
    assert rows["advised"][6].startswith("Advising, Headroom: 3")
    assert rows["blind"][6].startswith("PrometheusFailed")


def test_without_prometheus_the_status_alone(place: Place) -> None:
    result = run("top", "chat", "--kubeconfig", place.kubeconfig)
    assert "without --prometheus" in result.stderr
    assert _cells(result.stdout.splitlines())["chat"][:6] == ["2/3", "-", "-", "-/2s", "-", "-"]


def test_all_namespaces(place: Place) -> None:
    assert [line.split()[0] for line in place.top("-A")[1:]] == ["elsewhere", *["team"] * 4]


def test_for_programs(place: Place) -> None:
    result = run("top", "chat", "--prometheus", SERVICE, "--kubeconfig", place.kubeconfig, "-o", "json")
    (only,) = json.loads(result.stdout)
    assert (only["name"], only["ready"], only["firstTokenSeconds"], only["firstTokenTarget"]) == (
        "chat", "2/3", 0.8125, 2.0
    )  # fmt: skip
    assert (only["running"], only["tokensPerSecond"], only["kvCache"]) == (12.0, 1234.5, 0.424)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "Qwen3Deployment 'nobody' does not exist in namespace team; -n names another"),
        (["-n", "empty"], "there is no Qwen3Deployment in namespace empty"),
        (["--prometheus", "prometheus"], "it must be a URL, or NAMESPACE/SERVICE:PORT"),
        (
            ["--prometheus", "monitoring/nothing:9090"],
            "there is no Prometheus behind the Service monitoring/nothing:9090",
        ),
        (["--prometheus", "http://127.0.0.1:9"], "http://127.0.0.1:9 is not reached"),
        (["--watch", "-o", "json"], "without -o json"),
    ],
)
def test_what_is_wrong_is_named(place: Place, arguments: list[str], words: str) -> None:
    assert words in place.refusal(*arguments)


@pytest.mark.parametrize("answer", [{}, [], {"data": None}, {"data": {"result": [{"metric": {}, "value": [0, "1"]}]}}])
def test_what_is_no_prometheus_is_named(place: Place, answer: Any) -> None:
    place.server.prometheus = answer
    assert f"{SERVICE} does not answer as Prometheus" in place.refusal("--prometheus", SERVICE)


def test_watch_goes_on_where_the_cluster_does_not_answer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    deployments = place.server.collections[f"{GROUP}/qwen3deployments"]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            next(one for one in deployments if one["metadata"]["name"] == "chat")["status"]["ready"] = "3/3"
        elif len(slept) == 2:
            place.server.forbidden.add(f"{GROUP}/qwen3deployments")
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    shown = "\n".join(place.top("--watch"))
    assert slept == [5.0] * 3
    assert "3/3" in shown
    assert "forbidden; these rows are of before" in shown


def test_every_series_asked_for_is_exported() -> None:
    found = named(QUERY)
    assert len(found) == 5
    assert found <= EXPORTED.keys()
