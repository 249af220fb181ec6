from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qwen3_operator.admission import Admission, rotation
from qwen3_operator.settings import AdmissionSettings
from qwen3_runtime.server.listen import free_port
from tests.patience import HANG_SECONDS
from tests.unit.admission.given import ApiServer, shaken


async def _unasked(*_: Any) -> Any:
    raise AssertionError("nobody asks")


async def test_serves_its_services_name_and_closes_when_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "SOON_SECONDS", 0.01)
    port = free_port()
    api, settings = ApiServer(), AdmissionSettings(name="webhook", configuration="webhook", port=port)
    running = asyncio.create_task(Admission(api, settings, "qwen3-system", _unasked, leads=lambda: True).run())
    async with asyncio.timeout(HANG_SECONDS):
        while not await _is_open(port):  # noqa: ASYNC110 - another port's state has no event
            await asyncio.sleep(0.01)
    assert await shaken(port, api.bundle, "webhook.qwen3-system.svc")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not await _is_open(port)


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
