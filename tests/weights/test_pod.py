"""PID 1 fetches, verifies and only then starts the engine; and a pod without a source never uses the network.

There is no engine on this machine's path: a pod that comes to starting it ends with ``EngineStartFailed``, which is
as far as these tests need it.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qwen3_runtime.config import (
    AdapterFiles,
    AdapterList,
    Adapters,
    AdapterState,
    Engine,
    ModelCache,
    ModelFiles,
    Phase,
    Shutdown,
)
from qwen3_runtime.engines import ADAPTERS
from qwen3_runtime.lora.hands import PodHands
from qwen3_runtime.phases import Phases
from qwen3_runtime.server.listen import free_port
from qwen3_runtime.server.traffic import Traffic
from qwen3_runtime.server.upstream import Upstream
from qwen3_runtime.sources import WeightsOrigin
from qwen3_runtime.weights.problem import FoundError
from tests.engine.pod import RUNTIME, Pod, tiny_config
from tests.hub.content import Repository
from tests.hub.faults import Fault
from tests.hub.server import Hub
from tests.patience import HANG_SECONDS, until
from tests.unit.runtime.conftest import TINY
from tests.unit.runtime.weights.test_adapters import MODEL, SETTINGS, SHAPES, TARGETS
from tests.unit.runtime.weights.test_adapters import write as write_adapter
from tests.weights.conftest import NAME, Fetch, model_files, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qwen3_runtime.sources import WeightSource

    StartPod = Callable[..., Pod]

TOKEN = "hf_secret0123456789"  # noqa: S105 - of the stand-in
EXPECTED = {"hidden_size": TINY["hidden_size"]}
SPY = """
import sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        with open({log!r}, "a") as log:
            log.write(f"{{event}} {{arguments[-1]}}\\n")
sys.addaudithook(hook)
"""


@pytest.fixture
def start_pod(tmp_path: Path) -> Iterator[StartPod]:
    pods: list[Pod] = []

    def start(
        path: Path,
        source: WeightSource | None = None,
        adapters: Adapters | None = None,
        *,
        cache: ModelCache | None = None,
        expected: dict[str, Any] = EXPECTED,
        fetches_only: bool | None = None,
        **environment: str,
    ) -> Pod:
        model = ModelFiles(path=str(path), source=source, cache=cache, expected_config=expected)
        config = tiny_config(path).model_copy(
            update={"model": model, "adapters": adapters, "fetches_only": fetches_only}
        )
        if fetches_only:
            config = config.model_copy(update={"shutdown": Shutdown(lame_duck_seconds=2 * HANG_SECONDS)})
        pods.append(Pod.start(config, Path("/nonexistent/python"), tmp_path, **environment))
        return pods[-1]

    yield start
    for pod in pods:
        pod.process.kill()
        pod.process.wait()


@pytest.fixture
def spied(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """Environment in which every use of the network by Python code is written down, and where."""
    log = tmp_path / "network"
    log.touch()
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy" / "sitecustomize.py").write_text(SPY.format(log=str(log)))
    return {"PYTHONPATH": f"{RUNTIME}:{tmp_path / 'spy'}"}, log


def wait_until_engine(pod: Pod) -> None:
    """Wait for the end of a pod that got as far as its engine."""
    assert pod.process.wait(HANG_SECONDS) == 1, pod.log()[-1]
    assert pod.termination().startswith("EngineStartFailed"), pod.termination()


def entered(pod: Pod) -> list[str]:
    return [entry["message"].split()[1] for entry in pod.log() if entry["message"].startswith("phase ")]


def path_of(volume: Path, source: WeightSource) -> Path:
    return volume / source.folder_name()


def test_engine_waits_for_the_whole_model(
    start_pod: StartPod, volume: Path, tmp_path: Path, repository: Repository
) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with Hub(repository, token=TOKEN) as hub:
        hub.faults.add("model-0.safetensors", Fault(status=429), Fault(flip_at=1000))
        source = source_of(hub, token_file=str(token))
        hub.gate.close_after(500_000)
        # As in the image, where they are for the engine.
        pod = start_pod(path_of(volume, source), source, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
        assert hub.gate.reached.wait(HANG_SECONDS)
        until(lambda: 0 < _metric(pod, "qwen3_runtime_weights_fetched_bytes") == _bytes_done(pod))
        report = pod.report()
        assert report.phase is Phase.FETCHING_WEIGHTS
        assert report.progress is not None
        assert 0 < report.progress.bytes_done < report.progress.bytes_total
        assert source.repository in report.message
        assert pod.manage("/livez")[0] == 200
        assert pod.manage("/readyz")[0] == 503
        assert _metric(pod, "qwen3_runtime_weights_source_bytes") == report.progress.bytes_total
        hub.gate.open()
        wait_until_engine(pod)
    assert entered(pod)[:1] == ["FetchingWeights"]
    assert [record.phase for record in report.history] == [Phase.FETCHING_WEIGHTS], "the ledger counts from the start"
    assert entered(pod)[-3:] == ["CheckingWeights", "StartingEngine", "Failed"]
    written = (pod.folder / "err").read_text() + pod.output() + pod.termination()
    assert TOKEN not in written
    assert "429" in written, "a retry is explained in the log"


@pytest.mark.parametrize("warm", [False, True])
def test_a_pod_says_where_its_weights_came_from(
    start_pod: StartPod, volume: Path, hub: Hub, fetch: Fetch, *, warm: bool
) -> None:
    source = source_of(hub)
    path = path_of(volume, source)
    if warm:
        fetch(source, cache=ModelCache())
        hub.seen.clear()
    expected = {"hidden_size": 1}  # so that it stays where it can be asked
    pod = start_pod(path, source, cache=ModelCache(), expected=expected)
    report = pod.wait_for(Phase.WEIGHTS_INVALID, HANG_SECONDS)
    assert report.reason == "ConfigMismatch"
    origin = WeightsOrigin.CACHE if warm else WeightsOrigin.SOURCE
    assert report.weights_origin is origin
    assert _metric(pod, f'qwen3_runtime_weights_origin{{origin="{origin}"}}') == 1
    assert bool(hub.seen) is not warm
    marks = volume / f".{path.name}.users"
    assert any(mark.name.startswith(socket.gethostname()) for mark in marks.iterdir())
    pod.process.send_signal(signal.SIGTERM)
    assert pod.process.wait(HANG_SECONDS) == 0
    assert not [mark for mark in marks.iterdir() if mark.name != "pod-a.a"]


def test_a_pod_that_only_fetches_holds_the_model_and_starts_nothing(
    start_pod: StartPod, volume: Path, hub: Hub
) -> None:
    source = source_of(hub)
    path, marks = path_of(volume, source), volume / f".{source.folder_name()}.users"
    pod = start_pod(path, source, cache=ModelCache(size_limit_bytes=2**30), fetches_only=True)
    report = pod.wait_for(Phase.READY, HANG_SECONDS)
    assert [record.phase for record in report.history][-2:] == [Phase.CHECKING_WEIGHTS, Phase.READY]
    assert (report.weights_origin, pod.manage("/readyz")[0]) == (WeightsOrigin.SOURCE, 200)
    assert [mark.name.rpartition(".")[0] for mark in marks.iterdir()] == [socket.gethostname()]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(pod.url.rpartition(":")[2])))
    pod.process.send_signal(signal.SIGTERM)
    assert pod.process.wait(HANG_SECONDS) == 0, "nobody sends it requests that it would wait for"
    assert not list(marks.iterdir())
    assert (path / "config.json").is_file()


def test_a_fetched_adapter_lies_in_the_cache_and_is_in_use_like_the_model(
    start_pod: StartPod, volume: Path, hub: Hub, fetch: Fetch
) -> None:
    source, law = source_of(hub), source_of(hub, files=("config.json",))
    fetch(source, cache=ModelCache())
    adapter = AdapterFiles(name="law", path=str(path_of(volume, law)), source=law)
    room = Adapters(rank=8, targets=TARGETS, files=(adapter,))
    pod = start_pod(path_of(volume, source), source, room, cache=ModelCache(size_limit_bytes=2**30))
    report = pod.wait_for(Phase.WEIGHTS_INVALID, HANG_SECONDS)
    assert (report.reason, report.weights_origin) == ("FileMissing", WeightsOrigin.CACHE), "the model's"
    marks = [volume / f".{one.folder_name()}.users" for one in (source, law)]
    assert all(any(mark.name.startswith(socket.gethostname()) for mark in one.iterdir()) for one in marks)
    pod.process.send_signal(signal.SIGTERM)
    assert pod.process.wait(HANG_SECONDS) == 0
    assert [mark.name for one in marks for mark in one.iterdir()] == ["pod-a.a"]


def test_refusal_is_a_phase_and_a_reason(start_pod: StartPod, volume: Path, repository: Repository) -> None:
    with Hub(repository, gated=True) as hub:
        source = source_of(hub)
        pod = start_pod(path_of(volume, source), source)
        report = pod.wait_for(Phase.WEIGHTS_INVALID, HANG_SECONDS)
        assert report.reason == "GatedModel"
        assert pod.manage("/livez")[0] == 200
    assert not path_of(volume, source).exists()


def test_sigterm_while_fetching(start_pod: StartPod, volume: Path, hub: Hub) -> None:
    source = source_of(hub)
    hub.gate.close_after(500_000)
    pod = start_pod(path_of(volume, source), source)
    assert hub.gate.reached.wait(HANG_SECONDS)
    pod.process.send_signal(signal.SIGTERM)
    assert pod.process.wait(HANG_SECONDS) == 0
    assert not list(volume.glob("*.lock")), "the lock was given back: the process ended by itself, and was not killed"
    assert [path.name for path in volume.iterdir()] == [f".{source.folder_name()}.partial"]


def test_a_fetching_pod_is_seen_by_the_spy(
    start_pod: StartPod, volume: Path, hub: Hub, spied: tuple[dict[str, str], Path]
) -> None:
    environment, log = spied
    source = source_of(hub)
    wait_until_engine(start_pod(path_of(volume, source), source, **environment))
    assert str(hub.port) in log.read_text(), "else the tests below prove nothing"


def test_a_folder_needs_no_network(start_pod: StartPod, volume: Path, spied: tuple[dict[str, str], Path]) -> None:
    environment, log = spied
    for path, content in model_files().items():
        (volume / path).parent.mkdir(exist_ok=True)
        (volume / path).write_bytes(content)
    wait_until_engine(start_pod(volume, **environment))
    assert log.read_text() == ""


@pytest.mark.parametrize("changes", [{}, {"offline": True}], ids=str)
def test_a_fetched_model_needs_no_network(
    start_pod: StartPod, hub: Hub, spied: tuple[dict[str, str], Path], fetch: Fetch, changes: dict[str, Any]
) -> None:
    environment, log = spied
    folder = fetch(source_of(hub))
    hub.seen.clear()
    wait_until_engine(start_pod(folder, source_of(hub, **changes), **environment))
    assert log.read_text() == ""
    assert hub.seen == []


def test_an_adapter_is_fetched_and_checked_like_the_model(
    start_pod: StartPod, volume: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = tmp_path_factory.mktemp("adapter")
    write_adapter(written, SETTINGS | {"base_model_name_or_path": "Qwen/Qwen3-4B"}, SHAPES)
    wrong = {path.name: path.read_bytes() for path in written.iterdir()}
    for path, content in (model_files() | {"config.json": json.dumps(TINY | MODEL).encode()}).items():
        (volume / path).parent.mkdir(exist_ok=True)
        (volume / path).write_bytes(content)
    with Hub(Repository(NAME, wrong | {"optimizer.pt": b"not for an engine"})) as hub:
        source = source_of(hub, files=("adapter_config.json", "adapter_model.safetensors"))
        adapter = AdapterFiles(name="law", path=str(path_of(tmp_path, source)), source=source)
        room = Adapters(rank=8, targets=TARGETS, base_models=("Qwen/Qwen3-8B",), files=(adapter,))
        pod = start_pod(volume, adapters=room)
        report = pod.wait_for(Phase.WEIGHTS_INVALID, HANG_SECONDS)
    assert report.reason == "AdapterMismatch"
    assert "was trained on Qwen/Qwen3-4B, wanted Qwen/Qwen3-8B." in report.message
    assert {path.name for path in Path(adapter.path).iterdir()} == {*wrong, ".qwen3-weights.json"}
    write_adapter(Path(adapter.path), SETTINGS, SHAPES)
    wait_until_engine(pod)


def test_a_pod_starts_without_an_adapter_that_is_not_right(start_pod: StartPod, volume: Path, tmp_path: Path) -> None:
    for path, content in model_files().items():
        (volume / path).parent.mkdir(exist_ok=True)
        (volume / path).write_bytes(content)
    with Hub(Repository(NAME, {})) as hub:
        source, listed = source_of(hub), tmp_path / "adapters.json"
        law = AdapterFiles(name="law", path=str(path_of(tmp_path, source)), source=source)
        listed.write_text(AdapterList(files=(law,)).model_dump_json(by_alias=True))
        pod = start_pod(volume, adapters=Adapters(rank=8, slots=1, targets=TARGETS, list_path=str(listed)))
        wait_until_engine(pod)
    assert Phase.WEIGHTS_INVALID not in entered(pod)
    said = [entry["message"] for entry in pod.log() if entry["message"].startswith("starting without one: ")]
    assert len(said) == 1
    assert "adapter law: None of the 0 files of the source could be served." in said[0]


def test_a_pod_that_waits_for_an_adapter_goes_on_when_the_list_is_another(
    start_pod: StartPod, volume: Path, tmp_path: Path, hub: Hub
) -> None:
    for path, content in model_files().items():
        (volume / path).parent.mkdir(exist_ok=True)
        (volume / path).write_bytes(content)
    source, listed = source_of(hub), tmp_path / "adapters.json"
    hub.gate.close_after(500_000)
    law = AdapterFiles(name="law", path=str(path_of(tmp_path, source)), source=source)
    listed.write_text(AdapterList(files=(law,)).model_dump_json(by_alias=True))
    pod = start_pod(volume, adapters=Adapters(rank=8, slots=1, targets=TARGETS, list_path=str(listed)))
    assert hub.gate.reached.wait(HANG_SECONDS)
    report = pod.report()
    assert report.phase is Phase.CHECKING_WEIGHTS
    assert source.repository in report.message
    listed.write_text(AdapterList(files=()).model_dump_json(by_alias=True))
    wait_until_engine(pod)


async def test_a_running_pod_fetches_an_adapter_and_lets_go_of_it(
    volume: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = tmp_path_factory.mktemp("adapter")
    write_adapter(written, SETTINGS, SHAPES)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text(json.dumps(TINY | MODEL))
    model = ModelFiles(path=str(tmp_path / "model"), cache=ModelCache())
    config = tiny_config(tmp_path).model_copy(
        update={"model": model, "adapters": Adapters(rank=8, slots=1, targets=TARGETS)}
    )
    phases, engine = Phases(time.time), free_port()
    hands = PodHands(
        config,
        ADAPTERS[Engine.VLLM],
        Upstream(engine),
        lambda _: None,
        traffic=Traffic(phases),
        phases=phases,
    )
    told: list[AdapterState] = []
    with Hub(Repository(NAME, {path.name: path.read_bytes() for path in written.iterdir()})) as hub:
        source = source_of(hub)
        law = AdapterFiles(name="law", path=str(path_of(volume, source)), source=source)
        for _ in range(2):  # as after the engine has refused it
            await hands.bring(law, lambda state, _: told.append(state))
    assert set(told) == {AdapterState.FETCHING}
    assert (Path(law.path) / "adapter_config.json").is_file()
    marks = volume / f".{source.folder_name()}.users"
    assert len(list(marks.iterdir())) == 1
    with pytest.raises(FoundError, match=r"vLLM did not answer /v1/unload_lora_adapter: the engine does not listen"):
        await hands.unload(law)
    await hands.close()
    assert not list(marks.iterdir())


def test_offline_and_absent(start_pod: StartPod, volume: Path, hub: Hub, spied: tuple[dict[str, str], Path]) -> None:
    environment, log = spied
    source = source_of(hub, offline=True)
    pod = start_pod(path_of(volume, source), source, **environment)
    report = pod.wait_for(Phase.WEIGHTS_INVALID, HANG_SECONDS)
    assert (report.reason, report.progress) == ("FolderMissing", None)
    assert log.read_text() == ""


def _bytes_done(pod: Pod) -> int:
    progress = pod.report().progress
    return progress.bytes_done if progress else 0


def _metric(pod: Pod, name: str) -> float:
    lines = pod.manage("/metrics")[1].decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))
