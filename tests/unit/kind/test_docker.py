"""Whom the harness tells what about a Docker daemon, and which files of process ids it removes before it starts one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kind import docker
from tests.kind.docker import is_stale
from tests.kind.steps import StepError


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "containerd.pid"


def test_keeps_the_file_of_a_program_that_runs(pid_file: Path) -> None:
    pid_file.write_text(f"{os.getpid()}\n")
    assert not is_stale(pid_file, Path(sys.executable).name)


def test_a_process_of_another_program_makes_it_stale(pid_file: Path) -> None:
    # dockerd takes any living process for its containerd, and then waits for an answer in vain.
    pid_file.write_text(str(os.getpid()))
    assert is_stale(pid_file, "containerd")


def test_a_program_that_only_mentions_the_name_is_another(pid_file: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        pid_file.write_text(str(process.pid))
        assert is_stale(pid_file, "60")
        process.kill()


def test_a_process_that_ended_makes_it_stale(pid_file: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        pid_file.write_text(str(process.pid))
    assert is_stale(pid_file, "containerd")


def test_no_file_is_not_stale(pid_file: Path) -> None:
    assert not is_stale(pid_file, "containerd")


def test_an_empty_file_is_stale(pid_file: Path) -> None:
    pid_file.touch()
    assert is_stale(pid_file, "containerd")


def test_a_user_outside_the_group_is_told_how_to_join() -> None:
    told = docker.refusal("ana", "docker")
    assert "user ana may not use" in told
    assert "`usermod -aG docker ana`, then log in again" in told
    assert "chgrp" not in told


def test_a_socket_of_root_alone_is_given_to_a_group_first() -> None:
    assert "`groupadd -f docker; chgrp docker /var/run/docker.sock`" in docker.refusal("ana", "root")


def test_no_second_daemon_is_started_beside_one_that_refuses_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = tmp_path / "docker.sock"
    socket.touch()
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(docker, "SOCKET", socket)
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr(docker, "succeeds", lambda *_, **__: True)  # sudo works, and root is answered
    with pytest.raises(StepError, match="may not use the Docker daemon"):
        docker.check_access()
    monkeypatch.setattr(docker, "succeeds", lambda words, **_: words[-1] != "info")  # sudo works, nobody answers
    docker.check_access()


def test_a_named_daemon_that_is_silent_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(StepError, match=r"DOCKER_HOST=tcp://127\.0\.0\.1:1"):
        docker.check_access()
