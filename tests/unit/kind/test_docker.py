"""Which files of process ids the harness removes before it starts a Docker daemon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kind.docker import is_stale


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
