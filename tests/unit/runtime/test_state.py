"""Phases, settings, the termination message and what is read from the kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qwen3_runtime.config import CONFIG_VARIABLE, Phase, TerminationReason
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.engines.keeper import EngineExit
from qwen3_runtime.engines.memory import oom_kills
from qwen3_runtime.engines.processes import Process, parse_stat
from qwen3_runtime.failure import explain
from qwen3_runtime.metrics import Metrics
from qwen3_runtime.phases import Phases
from qwen3_runtime.settings import ConfigError, read_settings
from qwen3_runtime.termination import LIMIT_BYTES, Termination, render, write
from tests.unit.runtime.conftest import make_config


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def test_phases_keep_their_history_and_times() -> None:
    clock = Clock()
    phases = Phases(clock)
    clock.now += 1.5
    assert phases.enter(Phase.STARTING_ENGINE)
    clock.now += 2
    report = phases.report()
    assert report.phase is Phase.STARTING_ENGINE
    assert [record.phase for record in report.history] == [Phase.CHECKING_WEIGHTS, Phase.STARTING_ENGINE]
    assert report.history[0].finished_at == "2001-09-09T01:46:41.500Z"
    assert report.history[1].finished_at is None
    assert phases.seconds() == {Phase.CHECKING_WEIGHTS: 1.5, Phase.STARTING_ENGINE: 2.0}


def test_another_reason_in_the_same_phase_is_no_new_stay() -> None:
    phases = Phases(Clock())
    assert phases.enter(Phase.WEIGHTS_INVALID, "FileMissing", "a")
    assert phases.enter(Phase.WEIGHTS_INVALID, "FileTruncated", "b")
    assert not phases.enter(Phase.WEIGHTS_INVALID, "FileTruncated", "b")
    report = phases.report()
    assert (report.reason, len(report.history)) == ("FileTruncated", 2)


def test_failed_is_final() -> None:
    phases = Phases(Clock())
    phases.enter(Phase.FAILED, "EngineDied", "it died")
    assert not phases.enter(Phase.DRAINING)
    assert phases.report().reason == "EngineDied"


def test_settings_defaults() -> None:
    settings = read_settings({CONFIG_VARIABLE: make_config().model_dump_json(by_alias=True)})
    assert settings.config == make_config()
    assert (settings.api_port, settings.management_port) == (8080, 8081)
    assert settings.engine_python == Path("/opt/engine/bin/python")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"limits": {"contextLength": -1}}, "limits.contextLength"),
        ({"device": "tpu"}, "device"),
        ({"nonsense": 1}, "nonsense"),
        ({"servedModelName": None}, "servedModelName"),
    ],
)
def test_invalid_configuration_names_the_field(change: dict[str, object], named: str) -> None:
    values = json.loads(make_config().model_dump_json(by_alias=True)) | change
    with pytest.raises(ConfigError, match=named):
        read_settings({CONFIG_VARIABLE: json.dumps(values)})


@pytest.mark.parametrize("environ", [{}, {CONFIG_VARIABLE: "{"}, {CONFIG_VARIABLE: "[]"}])
def test_missing_or_unreadable_configuration(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=CONFIG_VARIABLE):
        read_settings(environ)


def test_port_that_is_no_number() -> None:
    environ = {CONFIG_VARIABLE: make_config().model_dump_json(by_alias=True), "QWEN3_RUNTIME_API_PORT": "http"}
    with pytest.raises(ConfigError, match="QWEN3_RUNTIME_API_PORT"):
        read_settings(environ)


def test_termination_message_keeps_the_sentence_and_the_newest_lines() -> None:
    log = tuple(f"line {number} " + "x" * 300 for number in range(40))
    message = render(Termination(TerminationReason.ENGINE_DIED, "SGLang 0.5.23 exited with code 1", log))
    first, *rest = message.decode().split("\n")
    assert first == "EngineDied: SGLang 0.5.23 exited with code 1"
    assert len(message) <= LIMIT_BYTES
    assert rest == list(log[-len(rest) :])
    assert len(rest) > 10


def test_overlong_sentence_is_cut() -> None:
    assert len(render(Termination(TerminationReason.CONFIG_INVALID, "x" * 9000, ("line",)))) == LIMIT_BYTES


def test_termination_message_without_a_place_for_it(tmp_path: Path) -> None:
    write(tmp_path / "missing" / "log", Termination(TerminationReason.CONFIG_INVALID, "x"))
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("how", "was_ready", "out_of_memory", "start"),
    [
        (
            EngineExit(2, None),
            False,
            False,
            "EngineStartFailed: SGLang 0.5.23 exited with code 2 before it was ready: e",
        ),
        (EngineExit(-9, None), True, False, "EngineDied: SGLang 0.5.23 ended while it served: e"),
        (
            EngineExit(None, "sglang::schedul"),
            True,
            False,
            "EngineDied: SGLang 0.5.23 lost its process sglang::schedul",
        ),
        (
            EngineExit(-9, None, 60),
            True,
            False,
            "EngineHung: SGLang 0.5.23 did nothing for 60 s",
        ),
        (EngineExit(-9, None), False, True, "OutOfMemory: the kernel killed a process of SGLang 0.5.23 before it was"),
    ],
)
def test_explanation(how: EngineExit, was_ready: bool, out_of_memory: bool, start: str) -> None:  # noqa: FBT001
    termination = explain(
        how, engine="SGLang 0.5.23", was_ready=was_ready, out_of_memory=out_of_memory, error_line="e", log=()
    )
    assert render(termination).decode().startswith(start)


def test_signal_is_named_where_the_engine_said_nothing() -> None:
    termination = explain(
        EngineExit(-9, None), engine="SGLang 0.5.23", was_ready=True, out_of_memory=False, error_line=None, log=()
    )
    assert termination.sentence == "SGLang 0.5.23 was killed by SIGKILL while it served"


def test_process_name_with_blanks_and_brackets() -> None:
    process = parse_stat("42 (a) b (c) Z 1 40 41 0 -1 4194560 1 2 3 4 150 50 5 6 20")
    worked = 200 / os.sysconf("SC_CLK_TCK")
    assert process == Process(pid=42, name="a) b (c", state="Z", session=41, processor_seconds=worked)
    assert not process.alive


def test_oom_counter_of_both_cgroup_versions(tmp_path: Path) -> None:
    assert oom_kills(tmp_path) == 0
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert oom_kills(tmp_path) == 2
    (tmp_path / "memory.events").write_text("low 0\noom 4\noom_kill 3\noom_group_kill 0\n")
    assert oom_kills(tmp_path) == 3


def test_metrics_stand_before_the_engines_unchanged_text() -> None:
    clock = Clock()
    phases = Phases(clock)
    phases.enter(Phase.DRAINING)
    engine = b'# TYPE sglang:num_running_reqs gauge\nsglang:num_running_reqs{model_name="m"} 3.0\n'
    text = Metrics(SGLang().metrics).render(phases, engine)
    assert text.endswith(engine)
    assert b"qwen3_engine_requests_running 3.0" in text
    assert b"qwen3_runtime_draining 1.0" in text
    assert b"qwen3_runtime_engine_metrics_up 1.0" in text
    assert b"qwen3_runtime_engine_metrics_up 0.0" in Metrics(SGLang().metrics).render(phases, None)
