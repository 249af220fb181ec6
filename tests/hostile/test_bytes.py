"""Whatever bytes come, each request is answered, and never by a 5xx: the stub engine has none to give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen3_runtime.gateway.operations import MODEL, OPERATIONS
from qwen3_runtime.server.routes import MODELS, PATHS, TOKENIZE
from tests.gateway.processes import MODEL as NAME
from tests.gateway.raw import call, chat_body, send_raw
from tests.hostile.wire import Request, requests

if TYPE_CHECKING:
    from tests.hostile.conftest import Ports

GATEWAY_PATHS = (*OPERATIONS, MODEL.replace("{model}", NAME))
POD_PATHS = (*(path for paths in PATHS.values() for path in paths), TOKENIZE, MODELS, f"{MODELS}/{NAME}")
MANAGEMENT_PATHS = ("/livez", "/readyz", "/metrics", "/phase", "/usage", "/ledger", "/ledger.csv", "/docs")
quickly = settings(max_examples=250, suppress_health_check=list(HealthCheck), database=None)


def check(url: str, request: Request) -> None:
    answer = send_raw(url, request)
    # An upgrade, or Expect, may have an answer before the answer.
    *before, last = answer.split(b"HTTP/1.1 ")
    assert last[:1] in {b"2", b"4"}, (request, answer[:3000])
    assert all(one in {b"", b"100 Continue\r\n\r\n"} for one in before)
    head, _, body = last.partition(b"\r\n\r\n")
    if b"content-type: application/json" in head and not request.startswith(b"HEAD") and body:
        json.loads(body)


@quickly
@given(request=requests(GATEWAY_PATHS))
def test_the_gateway(ports: Ports, request: Request) -> None:
    check(ports.gateway.url, request)


@quickly
@given(request=requests(POD_PATHS), port=st.sampled_from(["generates", "embeds", "reranks"]))
def test_a_pod(ports: Ports, request: Request, port: str) -> None:
    check(getattr(ports.pod, port), request)


@settings(quickly, max_examples=60)
@given(request=requests(MANAGEMENT_PATHS), port=st.sampled_from(["pod", "gateway"]))
def test_management_ports(ports: Ports, request: Request, port: str) -> None:
    check(getattr(ports, port).management, request)


@pytest.mark.parametrize("path", [path for path, one in OPERATIONS.items() if one.method == "POST"])
def test_every_path_reads_strict_json_alone(ports: Ports, path: str) -> None:
    for number in ("NaN", "-Infinity", "1e999"):
        body = json.dumps(chat_body(temperature="T")).replace('"T"', number).encode()
        assert call(ports.gateway.url, path=path, body=body).status == 400
    assert call(ports.gateway.url, path=path, body=json.dumps(chat_body(stream=True)).encode("utf-16")).status == 400
