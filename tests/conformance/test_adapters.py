"""A LoRA adapter that was trained on the tiny model answers under its own name, or the engine's reason is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import openai
import pytest

from qwen3_runtime.config import AdapterFiles, AdapterList, AdapterReport, Adapters, AdapterState, Engine, Phase
from tests.conformance.conftest import start_pod
from tests.engine.pod import MODEL, START_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionMessageParam

    from tests.conformance.environments import Environment, InImage
    from tests.engine.pod import Pod

ROOT = Path(__file__).parents[2]
ADAPTER = "sum"
LIVE_SECONDS = 60
LONG = 2000
"""Tokens of an answer that takes longer than it takes to see that the list changed."""
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
ENDS: dict[Engine, str] = {
    Engine.LLAMA_CPP: "ConfigInvalid: adapters: LlamaCpp serves no LoRA adapter under a name of its own",
    Engine.TRANSFORMERS: "ConfigInvalid: adapters: Transformers serves no LoRA adapter under a name of its own",
    # Not planned on the CPU for this reason (catalog/data/engines.yaml); on devices that have pinned memory it is.
    Engine.SGLANG: "RuntimeError: pin_memory=True requires a CUDA or other accelerator backend",
}
"""How the pods of the engines that cannot end."""


@pytest.fixture(scope="module")
def adapter(environment: Environment | InImage, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It answers the greeting with the sum; trained by the engine's own Python, which has torch."""
    made = tmp_path_factory.mktemp("adapter")
    if environment.engine not in (Engine.VLLM, Engine.SGLANG):
        return made
    training = [str(environment.python), "-W", "ignore", "-m", "tests.tiny_model.adapter", str(model), str(made)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(training, check=True, cwd=ROOT, env=variables, timeout=START_SECONDS)
    return made


@pytest.fixture(scope="module")
def room(adapter: Path) -> Adapters:
    return Adapters(rank=8, targets=TARGETS, files=(AdapterFiles(name=ADAPTER, path=str(adapter)),))


@pytest.fixture(scope="module")
def adapted(
    environment: Environment | InImage, model: Path, room: Adapters, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pod | None]:
    """A pod with the adapter; None where the engine cannot."""
    if environment.engine in ENDS:
        yield None
        return
    made = start_pod(environment, model, tmp_path_factory.mktemp("adapted"), adapters=room)
    yield made
    made.end()


def test_an_engine_that_cannot_says_so(
    environment: Environment | InImage, model: Path, room: Adapters, tmp_path: Path
) -> None:
    if environment.engine not in ENDS:
        return
    with pytest.raises(AssertionError, match="the runtime ended with 1: ") as ended:
        start_pod(environment, model, tmp_path, adapters=room)
    assert ENDS[environment.engine] in str(ended.value)


def test_the_adapter_is_a_model_of_its_own(adapted: Pod | None) -> None:
    if adapted is None:
        return
    assert adapted.report().phase is Phase.READY
    with openai.OpenAI(base_url=f"{adapted.url}/v1", api_key="unused", max_retries=0, timeout=200) as client:
        assert [model.id for model in client.models.list()] == [MODEL, ADAPTER]
        assert client.models.retrieve(ADAPTER).id == ADAPTER
        said: dict[str, str] = {}
        for name in (MODEL, ADAPTER, MODEL):
            said[name] = ask(client, name)
        streamed = client.chat.completions.create(
            model=ADAPTER,
            messages=HELLO,
            temperature=0,
            max_tokens=60,
            stream=True,
            extra_body={"chat_template_kwargs": {"enable_thinking": False}},
        )
        text = "".join(choice.delta.content or "" for chunk in streamed for choice in chunk.choices)
    assert said == {MODEL: "Hello! I am Qwen3-Tiny, a very small model made for tests.", ADAPTER: "2 + 2 = 4."}
    assert text.strip() == said[ADAPTER]


def test_no_other_adapter_can_be_asked_for_or_loaded(adapted: Pod | None) -> None:
    if adapted is None:
        return
    chat = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
    with httpx.Client(base_url=adapted.url, timeout=60) as client:
        for name in ("other", f"{MODEL}:{ADAPTER}"):
            refused = client.post("/v1/chat/completions", json={"model": name, **chat})
            assert refused.status_code == HTTPStatus.NOT_FOUND
        loading = client.post("/v1/load_lora_adapter", json={"lora_name": "x", "lora_path": "/etc"})
        assert loading.status_code == HTTPStatus.NOT_FOUND


@pytest.fixture(scope="module")
def live(
    environment: Environment | InImage, model: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Pod, Path] | None]:
    """A pod that follows a list, and the list: it names three at first, of which two are not right."""
    if environment.engine in ENDS:
        yield None
        return
    folder = tmp_path_factory.mktemp("live")
    listed = folder / "adapters.json"
    write_list(listed, absent=folder / "absent", refused=refused_copy(adapter, folder), **{ADAPTER: adapter})
    following = Adapters(rank=8, slots=1, targets=TARGETS, list_path=str(listed))
    made = start_pod(environment, model, folder, adapters=following)
    yield made, listed
    made.end()


def write_list(listed: Path, **folders: Path) -> None:
    """By one rename, as the kubelet does."""
    files = tuple(AdapterFiles(name=name, path=str(path)) for name, path in folders.items())
    new = listed.with_suffix(".new")
    new.write_text(AdapterList(files=files).model_dump_json(by_alias=True))
    new.rename(listed)


def wait_for(pod: Pod, *wanted: tuple[str, AdapterState]) -> tuple[AdapterReport, ...]:
    """Until the adapters of the pod are as wanted, and are no others."""
    deadline = time.monotonic() + LIVE_SECONDS
    while time.monotonic() < deadline:
        reports = pod.report().adapters
        if {(report.name, report.state) for report in reports} == set(wanted):
            return reports
        time.sleep(0.1)
    raise AssertionError(f"not {wanted} but {pod.report().adapters}\n{pod.output()[-3000:]}")


def test_a_pod_starts_with_those_that_the_engine_takes(live: tuple[Pod, Path] | None, adapter: Path) -> None:
    if live is None:
        return
    pod, _ = live
    invalid = AdapterState.INVALID
    reports = wait_for(pod, ("absent", invalid), ("refused", invalid), (ADAPTER, AdapterState.SERVED))
    assert {report.name: (report.reason, report.path) for report in reports} == {
        "absent": ("FolderMissing", ""),
        "refused": ("AdapterRefused", ""),
        ADAPTER: ("", str(adapter)),
    }
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0, timeout=200) as client:
        assert ask(client, ADAPTER) == "2 + 2 = 4."
        assert [model.id for model in client.models.list()] == [MODEL, ADAPTER]
    assert pod.report().phase is Phase.READY


def test_adapters_come_and_go_while_the_engine_runs(live: tuple[Pod, Path] | None, adapter: Path) -> None:
    if live is None:
        return
    pod, listed = live
    engine = [member.pid for member in pod.engine_members()]
    write_list(listed)
    wait_for(pod)
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0, timeout=200) as client:
        with pytest.raises(openai.NotFoundError):
            ask(client, ADAPTER)
        write_list(listed, **{ADAPTER: adapter})
        (report,) = wait_for(pod, (ADAPTER, AdapterState.SERVED))
        assert report.path == str(adapter)
        assert ask(client, ADAPTER) == "2 + 2 = 4."
        assert ask(client, MODEL) == "Hello! I am Qwen3-Tiny, a very small model made for tests."
        assert [model.id for model in client.models.list()] == [MODEL, ADAPTER]
        write_list(listed)
        wait_for(pod)
        with pytest.raises(openai.NotFoundError):
            ask(client, ADAPTER)
        assert [model.id for model in client.models.list()] == [MODEL]
        assert ask(client, MODEL) == "Hello! I am Qwen3-Tiny, a very small model made for tests."
    assert [member.pid for member in pod.engine_members()] == engine
    assert pod.report().phase is Phase.READY


def test_a_bad_adapter_harms_nobody(live: tuple[Pod, Path] | None, adapter: Path, tmp_path: Path) -> None:
    if live is None:
        return
    pod, listed = live
    bad = tmp_path / "bad"
    shutil.copytree(adapter, bad)
    config = json.loads((bad / "adapter_config.json").read_text())
    (bad / "adapter_config.json").write_text(json.dumps(config | {"r": 64}))
    write_list(listed, **{ADAPTER: adapter, "bad": bad})
    reports = wait_for(pod, (ADAPTER, AdapterState.SERVED), ("bad", AdapterState.INVALID))
    problem = next(report for report in reports if report.name == "bad")
    assert (problem.reason, problem.path) == ("AdapterUnsupported", "")
    assert "r = 64, wanted at most 8" in problem.message
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0, timeout=200) as client:
        assert ask(client, ADAPTER) == "2 + 2 = 4."
        with pytest.raises(openai.NotFoundError):
            ask(client, "bad")
        # A version that is not right does not take the place of the one that is served.
        write_list(listed, **{ADAPTER: bad})
        (report,) = wait_for(pod, (ADAPTER, AdapterState.INVALID))
        assert report.path == str(adapter)
        assert ask(client, ADAPTER) == "2 + 2 = 4."


def test_a_version_that_the_engine_refuses_leaves_the_last_one(
    live: tuple[Pod, Path] | None, adapter: Path, tmp_path: Path
) -> None:
    if live is None:
        return
    pod, listed = live
    write_list(listed, **{ADAPTER: adapter})
    wait_for(pod, (ADAPTER, AdapterState.SERVED))
    write_list(listed, **{ADAPTER: refused_copy(adapter, tmp_path)})
    (report,) = wait_for(pod, (ADAPTER, AdapterState.INVALID))
    assert (report.reason, report.path) == ("AdapterRefused", str(adapter))
    assert report.message.endswith(f"The one before it is served on: {adapter}.")
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0, timeout=200) as client:
        assert ask(client, ADAPTER) == "2 + 2 = 4."
        assert ask(client, MODEL) == "Hello! I am Qwen3-Tiny, a very small model made for tests."
    write_list(listed, **{ADAPTER: adapter})
    wait_for(pod, (ADAPTER, AdapterState.SERVED))
    assert pod.report().phase is Phase.READY


def refused_copy(adapter: Path, folder: Path) -> Path:
    """A copy in ``folder`` that the runtime finds right and the engine does not."""
    refused = folder / "refused"
    shutil.copytree(adapter, refused)
    leave_out_a_factor(refused / "adapter_model.safetensors")
    return refused


def leave_out_a_factor(path: Path) -> None:
    """Of a pair: each tensor that is left fits its layer."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    del header[next(name for name in header if ".lora_B." in name)]
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_running_requests_end_before_their_adapter_goes(live: tuple[Pod, Path] | None, adapter: Path) -> None:
    if live is None:
        return
    pod, listed = live
    write_list(listed, **{ADAPTER: adapter})
    wait_for(pod, (ADAPTER, AdapterState.SERVED))
    with openai.OpenAI(base_url=f"{pod.url}/v1", api_key="unused", max_retries=0, timeout=200) as client:
        stream = client.chat.completions.create(
            model=ADAPTER, messages=HELLO, max_tokens=LONG, stream=True, extra_body={"ignore_eos": True}
        )
        next(iter(stream))
        write_list(listed)
        wait_for(pod, (ADAPTER, AdapterState.UNLOADING))
        with pytest.raises(openai.NotFoundError):
            ask(client, ADAPTER)
        reasons = [choice.finish_reason for chunk in stream for choice in chunk.choices if choice.finish_reason]
        assert reasons == ["length"]
    wait_for(pod)


def ask(client: openai.OpenAI, name: str) -> str:
    """Its answer to the greeting."""
    answer = client.chat.completions.create(
        model=name,
        messages=HELLO,
        temperature=0,
        max_tokens=60,
        extra_body={"chat_template_kwargs": {"enable_thinking": False}},
    )
    assert answer.model == name
    return (answer.choices[0].message.content or "").strip()
