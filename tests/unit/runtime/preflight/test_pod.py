"""The check in a pod's life: a process that finds no device ends with the reason; warnings stand in its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from qwen3_runtime import lifecycle
from qwen3_runtime.config import Device, ModelFiles, Phase
from qwen3_runtime.lifecycle import FatalError, Lifecycle
from qwen3_runtime.phases import Phases, first_phase
from qwen3_runtime.settings import Settings
from qwen3_runtime.sources import Hub, HubSource
from tests.engine.pod import Pod
from tests.patience import HANG_SECONDS
from tests.unit.runtime.conftest import make_config
from tests.unit.runtime.preflight.samples import found, wanted

if TYPE_CHECKING:
    from qwen3_runtime.preflight.found import Found

ASCEND = make_config(device=Device.NPU, npus=wanted())


def made(phases: Phases, pod: Found, monkeypatch: pytest.MonkeyPatch, config: Any = ASCEND) -> Lifecycle:
    monkeypatch.setattr(lifecycle, "look", lambda *_: pod)
    settings = Settings(config, 1, 2, Path("/none"), Path("/none"), Path("/none"), 60)
    unused = cast("Any", None)
    return Lifecycle(
        settings=settings, adapter=unused, phases=phases, traffic=unused, upstream=unused, engine_port=3, offer=unused
    )


def test_a_process_without_devices_says_so_and_ends(tmp_path: Path) -> None:
    """This machine has none: what an Ascend pod would find on a node whose plugin or runtime is missing."""
    pod = Pod.start(ASCEND, Path("/nonexistent/python"), tmp_path)
    try:
        assert pod.process.wait(HANG_SECONDS) == 1, pod.log()[-1]
    finally:
        pod.process.kill()
        pod.process.wait()
    assert pod.termination().startswith(
        "DeviceMissing: devices: found no /dev/davinci*, wanted 8 x huawei.com/Ascend910"
    )


async def test_a_pod_that_passes_goes_to_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    phases = Phases(lambda: 0.0, first_phase(ASCEND))
    await made(phases, found(driver=None), monkeypatch)._check_devices()
    assert [stay.phase for stay in phases.report().history] == [Phase.CHECKING_DEVICES, Phase.CHECKING_WEIGHTS]
    assert phases.report().warnings == ("driver: found unknown, wanted 25.0 or newer for CANN 9.0.0",)


async def test_a_pod_that_fails_never_comes_to_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    phases = Phases(lambda: 0.0, first_phase(ASCEND))
    with pytest.raises(FatalError) as caught:
        await made(phases, found(cann="8.5.0"), monkeypatch)._check_devices()
    assert caught.value.termination.reason == "CannTooOld"
    assert phases.current is Phase.CHECKING_DEVICES


async def test_other_devices_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config()
    phases = Phases(lambda: 0.0, first_phase(config))
    await made(phases, found(devices=()), monkeypatch, config)._check_devices()
    assert phases.current is Phase.CHECKING_WEIGHTS


def test_a_pod_that_fetches_begins_there_unless_it_has_devices_to_check() -> None:
    source = HubSource(hub=Hub.HUGGING_FACE, repository="Qwen/Qwen3-8B")
    model = ModelFiles(path="/model", source=source)
    assert first_phase(make_config(model=model)) is Phase.FETCHING_WEIGHTS
    assert first_phase(make_config(model=model, npus=wanted())) is Phase.CHECKING_DEVICES
