"""Real TLS: aiohttp's server and Python's strict verification."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket
import ssl
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_operator.admission.server import Server
from qwen3_operator.sizing import FailureReason, PlanFailure
from qwen3_runtime.server.listen import free_port
from tests.patience import HANG_SECONDS
from tests.unit.admission.given import HOST, NOW, days, der, generation, review, shaken, spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def _no_fit(*_: Any) -> PlanFailure:
    return PlanFailure(FailureReason.NO_FIT, "needs 2 x H100-SXM, 1 free.")


@contextlib.asynccontextmanager
async def serving(number: int = 0) -> AsyncIterator[Server]:
    server = Server(_no_fit, 0, "127.0.0.1")
    await server.serve(generation(number))
    try:
        yield server
    finally:
        await server.close()


async def test_chain_is_valid_for_a_strict_client() -> None:
    async with serving() as server:
        assert await shaken(server.port, generation().authority) == der(generation().certificate)


async def test_others_are_not_trusted_and_other_names_not_served() -> None:
    async with serving() as server:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"self.signed|unable to get"):
            await shaken(server.port, generation(1).authority)
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            await shaken(server.port, generation().authority, "other.svc")


async def test_an_ended_certificate_is_refused() -> None:
    async with serving() as server:
        ended = generation(2, at=NOW - days(91))
        await server.serve(ended)
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await shaken(server.port, ended.authority)


async def test_new_certificates_count_without_a_restart() -> None:
    async with serving(0) as server:
        port = server.port
        both = generation(0).authority + generation(1).authority
        assert await shaken(port, both) == der(generation(0).certificate)
        await server.serve(generation(1))
        assert server.port == port
        assert await shaken(port, both) == der(generation(1).certificate)


async def test_certificates_that_do_not_fit_leave_those_before() -> None:
    async with serving(0) as server:
        with pytest.raises(ssl.SSLError):
            await server.serve(dataclasses.replace(generation(1), key=generation(2).key))
        assert await shaken(server.port, generation(0).authority) == der(generation(0).certificate)


async def test_the_port_opens_with_the_first_certificates() -> None:
    server = Server(_no_fit, 0, "127.0.0.1")
    assert server.port == 0
    await server.close()


async def test_a_taken_port_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        server = Server(_no_fit, port, "127.0.0.1")
        with pytest.raises(OSError, match="in use"):
            await server.serve(generation(0))
    await server.serve(generation(0))
    try:
        assert await shaken(port, generation(0).authority)
    finally:
        await server.close()


async def test_the_api_servers_question_is_answered() -> None:
    async with serving() as server:
        context = ssl.create_default_context(cadata=generation().authority.decode())
        answer = await asyncio.to_thread(_post, server.port, context, review(spec()))
    assert answer == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "allowed": True,
            "warnings": ["NoFit: needs 2 x H100-SXM, 1 free."],
        },
    }


def _post(port: int, context: ssl.SSLContext, body: dict[str, Any]) -> Any:
    """The host's name is not in any DNS: the name is checked all the same."""
    context.check_hostname = False
    asked = urllib.request.Request(
        f"https://127.0.0.1:{port}/validate?timeout=2s",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Host": HOST},
    )
    with urllib.request.urlopen(asked, context=context, timeout=HANG_SECONDS) as answer:  # noqa: S310
        return json.load(answer)
