"""The beginnings and ends of a pod with the real engine."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from qwen3_runtime.config import Phase, Shutdown
from qwen3_runtime.engines import processes
from tests.engine.pod import MODEL, Pod, tiny_config

if TYPE_CHECKING:
    from pathlib import Path

LONG: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1000,
    "ignore_eos": True,
    "temperature": 0,
}


async def collect(pod: Pod, body: dict[str, Any], started: asyncio.Event | None = None) -> tuple[int, bytes]:
    timeout = aiohttp.ClientTimeout(total=180)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"{pod.url}/v1/chat/completions", json=body) as answer,
    ):
        first = await answer.content.readany()
        if started is not None:
            started.set()
        return answer.status, first + await answer.read()


async def test_drain_finishes_what_runs(own_pod: Pod) -> None:
    started = asyncio.Event()
    running = asyncio.create_task(collect(own_pod, LONG | {"stream": True}, started))
    await started.wait()
    own_pod.terminate()
    await asyncio.sleep(0.3)
    status, _ = await asyncio.to_thread(own_pod.manage, "/readyz")
    assert status == 503
    assert (await asyncio.to_thread(own_pod.manage, "/livez"))[0] == 200
    assert (await asyncio.to_thread(own_pod.report)).phase is Phase.DRAINING
    # Lame duck: the Service may still send requests.
    status, _ = await collect(own_pod, LONG | {"max_tokens": 2})
    assert status == 200
    await asyncio.sleep(1)
    assert not running.done(), "the stream was too short to test anything"
    status, body = await collect(own_pod, LONG)
    assert (status, json.loads(body)["error"]["code"]) == (503, "shutting_down")
    own_pod.terminate()  # a second SIGTERM changes nothing
    status, body = await running
    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n")
    ended = time.monotonic()
    assert await asyncio.to_thread(own_pod.process.wait, 30) == 0
    assert time.monotonic() - ended < 3, "nothing runs any more, so nothing is waited for"
    assert own_pod.termination() == ""


@pytest.mark.parametrize("own_pod", [Shutdown(lame_duck_seconds=1, drain_seconds=4)], indirect=True)
async def test_drain_limit_cuts_with_an_error(own_pod: Pod) -> None:
    started = asyncio.Event()
    endless = LONG | {"max_tokens": 3900, "stream": True}
    running = [asyncio.create_task(collect(own_pod, endless, started)) for _ in range(6)]
    whole = asyncio.create_task(collect(own_pod, endless | {"stream": False}))
    await started.wait()
    own_pod.terminate()
    began = time.monotonic()
    for task in running:
        status, body = await task
        assert status == 200
        assert b"[DONE]" not in body
        assert json.loads(body.split(b"\n\n")[-2].removeprefix(b"data: "))["error"]["code"] == "shutting_down"
    assert (await whole)[0] == 503
    assert 4 <= time.monotonic() - began < 7
    assert await asyncio.to_thread(own_pod.process.wait, 30) == 0


async def test_death_of_the_scheduler_under_load(own_pod: Pod) -> None:
    started = asyncio.Event()
    streams = [asyncio.create_task(collect(own_pod, LONG | {"stream": True}, started)) for _ in range(4)]
    wholes = [asyncio.create_task(collect(own_pod, LONG)) for _ in range(4)]
    await started.wait()
    await asyncio.sleep(0.5)
    members = own_pod.engine_members()
    os.kill(own_pod.scheduler(), signal.SIGKILL)
    began = time.monotonic()
    for task in streams:
        status, body = await task
        assert status == 200
        assert b"[DONE]" not in body
        last = body.split(b"\n\n")[-2]
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "engine_failed"
    for task in wholes:
        status, body = await task
        assert (status, json.loads(body)["error"]["code"]) == (502, "engine_failed")
    assert time.monotonic() - began < 2
    assert await asyncio.to_thread(own_pod.process.wait, 15) == 1
    assert own_pod.termination().startswith(
        "EngineDied: SGLang 0.5.23 lost its process sglang::schedul while it served"
    )
    assert not [member for member in members if processes.look(member.pid)], "nothing of the engine is left"


async def test_death_of_the_whole_engine(own_pod: Pod) -> None:
    started = asyncio.Event()
    stream = asyncio.create_task(collect(own_pod, LONG | {"stream": True}, started))
    await started.wait()
    engine = min(member.pid for member in own_pod.engine_members())
    os.kill(engine, signal.SIGKILL)
    _, body = await stream
    assert b'"engine_failed"' in body
    assert await asyncio.to_thread(own_pod.process.wait, 15) == 1
    assert own_pod.termination().startswith("EngineDied: SGLang 0.5.23 was killed by SIGKILL while it served")


def test_argument_that_the_engine_refuses(engine_python: Path, tiny_model: Path, tmp_path: Path) -> None:
    pod = Pod.start(tiny_config(tiny_model, extra_args=("--no-such-flag", "1")), engine_python, tmp_path)
    assert pod.process.wait(120) == 1
    first = pod.termination().splitlines()[0]
    assert first == (
        "EngineStartFailed: SGLang 0.5.23 exited with code 2 before it was ready: "
        "unrecognized arguments: --no-such-flag 1"
    )
    assert len(pod.termination().encode()) <= 4096


def test_value_that_the_engine_refuses_late(engine_python: Path, tiny_model: Path, tmp_path: Path) -> None:
    pod = Pod.start(tiny_config(tiny_model, extra_args=("--tp-size", "3")), engine_python, tmp_path)
    assert pod.process.wait(120) == 1
    first = pod.termination().splitlines()[0]
    assert first.startswith("EngineStartFailed: SGLang 0.5.23 exited with code")
    assert "Error" in first


def test_weights_are_waited_for(engine_python: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    shard = next(folder.glob("*.safetensors"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1000])
    pod = Pod.start(tiny_config(folder), engine_python, tmp_path)
    try:
        report = pod.wait_for(Phase.WEIGHTS_INVALID, 20)
        assert report.reason == "FileTruncated"
        assert str(shard) in report.message
        assert pod.manage("/livez")[0] == 200
        assert pod.manage("/readyz")[0] == 503
        shard.write_bytes(whole)
        pod.wait_for(Phase.STARTING_ENGINE, 20)
        # SIGTERM while the engine starts: nothing runs, so nothing is waited for.
        began = time.monotonic()
        pod.terminate()
        assert pod.process.wait(20) == 0
        assert time.monotonic() - began < 4
    finally:
        pod.end()


def test_probes_answer_from_the_first_second(engine_python: Path, tiny_model: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    pod = Pod.start(tiny_config(tiny_model), engine_python, tmp_path)
    try:
        while pod.manage("/livez")[0] != 200:
            assert time.monotonic() - began < 10
        assert pod.manage("/readyz")[0] == 503
    finally:
        assert pod.end() == 0


def test_invalid_configuration_ends_at_once(engine_python: Path, tiny_model: Path, tmp_path: Path) -> None:
    config = tiny_config(tiny_model).model_copy(update={"engine": "vLLM"})
    pod = Pod.start(config, engine_python, tmp_path)
    assert pod.process.wait(20) == 1
    assert pod.termination() == 'ConfigInvalid: engine: there is no "vLLM", only SGLang'


@pytest.mark.parametrize("description", [{"name": "vLLM", "version": "0.33.0"}, {"name": "SGLang", "version": "0.5.3"}])
def test_image_of_another_engine(
    engine_python: Path, tiny_model: Path, tmp_path: Path, description: dict[str, str]
) -> None:
    path = tmp_path / "engine.json"
    path.write_text(json.dumps(description))
    pod = Pod.start(tiny_config(tiny_model), engine_python, tmp_path, QWEN3_ENGINE_DESCRIPTION=str(path))
    assert pod.process.wait(20) == 1
    assert pod.termination().startswith(f"ConfigInvalid: engine: the image holds {description['name']}")
