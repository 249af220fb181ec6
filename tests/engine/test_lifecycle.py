"""The beginnings and ends of a pod with the real engine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from qwen3_runtime.config import Limits, Phase, RuntimeConfig, Shutdown
from qwen3_runtime.engines import processes
from tests.engine.pod import MODEL, START_SECONDS, Pod, tiny_config
from tests.patience import HANG_SECONDS, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import StartPod

LONG: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1000,
    "ignore_eos": True,
    "temperature": 0,
}

ENDLESS = LONG | {"max_tokens": 3900, "stream": True}
PATIENT = Shutdown(lame_duck_seconds=2, drain_seconds=10 * HANG_SECONDS)
"""A pod that drained although nothing runs would hang."""


async def ready(start_pod: StartPod, config: RuntimeConfig) -> Pod:
    pod = start_pod(config)
    await asyncio.to_thread(pod.wait_for, Phase.READY)
    return pod


async def collect(pod: Pod, body: dict[str, Any], started: asyncio.Event | None = None) -> tuple[int, bytes]:
    timeout = aiohttp.ClientTimeout(total=START_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"{pod.url}/v1/chat/completions", json=body) as answer,
    ):
        first = await answer.content.readany()
        if started is not None:
            started.set()
        return answer.status, first + await answer.read()


async def test_drain_finishes_what_runs(start_pod: StartPod, tiny_model: Path) -> None:
    own_pod = await ready(start_pod, tiny_config(tiny_model, shutdown=PATIENT))
    started = asyncio.Event()
    running = asyncio.create_task(collect(own_pod, LONG | {"max_tokens": 2500, "stream": True}, started))
    await started.wait()
    own_pod.terminate()
    await asyncio.to_thread(until, lambda: own_pod.manage("/readyz")[0] == 503)
    # Lame duck: the Service may still send requests.
    short = LONG | {"max_tokens": 2}
    status, body = await collect(own_pod, short)
    assert status == 200
    assert (await asyncio.to_thread(own_pod.manage, "/livez"))[0] == 200
    assert (await asyncio.to_thread(own_pod.report)).phase is Phase.DRAINING
    while status == 200:
        status, body = await collect(own_pod, short)
    assert (status, json.loads(body)["error"]["code"]) == (503, "shutting_down")
    assert not running.done(), "the stream was too short to test anything"
    own_pod.terminate()  # a second SIGTERM changes nothing
    status, body = await running
    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n")
    # Nothing runs any more, so nothing is waited for.
    assert await asyncio.to_thread(own_pod.process.wait, HANG_SECONDS) == 0
    assert own_pod.termination() == ""


async def test_drain_limit_cuts_with_an_error(start_pod: StartPod, tiny_model: Path) -> None:
    shutdown = Shutdown(lame_duck_seconds=1, drain_seconds=4)
    own_pod = await ready(start_pod, tiny_config(tiny_model, shutdown=shutdown))
    started = asyncio.Event()
    running = [asyncio.create_task(collect(own_pod, ENDLESS, started)) for _ in range(6)]
    whole = asyncio.create_task(collect(own_pod, ENDLESS | {"stream": False}))
    await started.wait()
    own_pod.terminate()
    began = time.monotonic()
    for task in running:
        status, body = await task
        assert status == 200
        assert b"[DONE]" not in body
        assert json.loads(body.split(b"\n\n")[-2].removeprefix(b"data: "))["error"]["code"] == "shutting_down"
    assert (await whole)[0] == 503
    assert time.monotonic() - began >= 4
    assert await asyncio.to_thread(own_pod.process.wait, HANG_SECONDS) == 0


async def test_death_of_the_scheduler_under_load(start_pod: StartPod, tiny_model: Path) -> None:
    own_pod = await ready(start_pod, tiny_config(tiny_model))
    started = asyncio.Event()
    streams = [asyncio.create_task(collect(own_pod, LONG | {"stream": True}, started)) for _ in range(4)]
    wholes = [asyncio.create_task(collect(own_pod, LONG)) for _ in range(4)]
    await started.wait()
    await asyncio.sleep(0.5)
    members = own_pod.engine_members()
    os.kill(own_pod.scheduler(), signal.SIGKILL)
    for task in streams:
        status, body = await task
        assert status == 200
        assert b"[DONE]" not in body
        last = body.split(b"\n\n")[-2]
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "engine_failed"
    for task in wholes:
        status, body = await task
        assert (status, json.loads(body)["error"]["code"]) == (502, "engine_failed")
    assert await asyncio.to_thread(own_pod.process.wait, HANG_SECONDS) == 1
    # Not "exited": SGLang 0.5.23 takes 7 s to end after its scheduler, and nobody has waited for that.
    assert own_pod.termination().startswith(
        "EngineDied: SGLang 0.5.23 lost its process sglang::schedul while it served"
    )
    assert not [member for member in members if processes.look(member.pid)], "nothing of the engine is left"


async def test_death_of_the_whole_engine(start_pod: StartPod, tiny_model: Path) -> None:
    own_pod = await ready(start_pod, tiny_config(tiny_model))
    started = asyncio.Event()
    stream = asyncio.create_task(collect(own_pod, LONG | {"stream": True}, started))
    await started.wait()
    engine = min(member.pid for member in own_pod.engine_members())
    os.kill(engine, signal.SIGKILL)
    _, body = await stream
    assert b'"engine_failed"' in body
    assert await asyncio.to_thread(own_pod.process.wait, HANG_SECONDS) == 1
    # Its workers end with it and may be missed first.
    assert re.match(
        r"EngineDied: SGLang 0\.5\.23 (was killed by SIGKILL|lost its process sglang::\w+) while it served\n",
        own_pod.termination(),
    )


async def test_engine_that_hangs(start_pod: StartPod, tiny_model: Path) -> None:
    own_pod = start_pod(tiny_config(tiny_model), QWEN3_ENGINE_HANG_SECONDS="6")
    await asyncio.to_thread(own_pod.wait_for, Phase.READY)
    status, _ = await collect(own_pod, LONG | {"messages": [{"role": "user", "content": "a " * 2000}]})
    assert status == 200, "a long prompt and a long answer are no hang"
    started = asyncio.Event()
    stream = asyncio.create_task(collect(own_pod, LONG | {"stream": True}, started))
    await started.wait()
    os.kill(own_pod.scheduler(), signal.SIGSTOP)
    _, body = await stream
    assert b"[DONE]" not in body
    assert b'"engine_failed"' in body
    assert await asyncio.to_thread(own_pod.process.wait, HANG_SECONDS) == 1
    assert own_pod.termination().startswith("EngineHung: SGLang 0.5.23 did nothing for 6 s, with requests waiting")


def test_argument_that_the_engine_refuses(start_pod: StartPod, tiny_model: Path) -> None:
    pod = start_pod(tiny_config(tiny_model, extra_args=("--no-such-flag", "1")))
    assert pod.process.wait(START_SECONDS) == 1
    first = pod.termination().splitlines()[0]
    assert first == (
        "EngineStartFailed: SGLang 0.5.23 exited with code 2 before it was ready: "
        "unrecognized arguments: --no-such-flag 1"
    )
    assert len(pod.termination().encode()) <= 4096


def test_value_that_the_engine_refuses_late(start_pod: StartPod, tiny_model: Path) -> None:
    pod = start_pod(tiny_config(tiny_model, extra_args=("--quantization", "awq")))
    assert pod.process.wait(START_SECONDS) == 1
    first = pod.termination().splitlines()[0]
    assert first == (
        "EngineStartFailed: SGLang 0.5.23 ended before it was ready: ValueError: Cannot find the config file for awq"
    )


def test_weights_are_waited_for(start_pod: StartPod, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    shard = next(folder.glob("*.safetensors"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1000])
    pod = start_pod(tiny_config(folder, shutdown=PATIENT))
    report = pod.wait_for(Phase.WEIGHTS_INVALID)
    assert report.reason == "FileTruncated"
    assert str(shard) in report.message
    assert pod.manage("/livez")[0] == 200
    assert pod.manage("/readyz")[0] == 503
    shard.write_bytes(whole)
    pod.wait_for(Phase.STARTING_ENGINE)
    pod.terminate()
    # Nothing runs yet, so nothing is waited for.
    assert pod.process.wait(HANG_SECONDS) == 0


def test_probes_answer_before_the_engine_is_there(start_pod: StartPod, tiny_model: Path) -> None:
    pod = start_pod(tiny_config(tiny_model))
    report = pod.wait_for(Phase.STARTING_ENGINE)
    assert pod.manage("/livez") == (200, b"StartingEngine")
    assert pod.manage("/readyz")[0] == 503
    assert [record.phase for record in report.history] == ["CheckingWeights", "StartingEngine"]


async def test_context_above_the_native_length(start_pod: StartPod, tiny_model: Path) -> None:
    pod = await ready(start_pod, tiny_config(tiny_model, limits=Limits(context_length=65536, max_total_tokens=70000)))
    async with aiohttp.ClientSession() as session, session.get(f"{pod.url}/v1/models") as answer:
        assert (await answer.json())["data"][0]["max_model_len"] == 65536
    status, body = await collect(pod, LONG | {"max_tokens": 5})
    assert status == 200
    assert json.loads(body)["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize("description", [{"name": "vLLM", "version": "0.33.0"}, {"name": "SGLang", "version": "0.5.3"}])
def test_image_of_another_engine(
    start_pod: StartPod, tiny_model: Path, tmp_path: Path, description: dict[str, str]
) -> None:
    path = tmp_path / "engine.json"
    path.write_text(json.dumps(description))
    pod = start_pod(tiny_config(tiny_model), QWEN3_ENGINE_DESCRIPTION=str(path))
    assert pod.process.wait(HANG_SECONDS) == 1
    assert pod.termination().startswith(f"ConfigInvalid: engine: the image holds {description['name']}")
