"""The keeper with small real processes in the engine's place. In a process of its own: it reaps every child."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import HANG_SECONDS

KEEP = """
import asyncio, os, signal, sys
from qwen3_runtime.engines import keeper as module

module.REAP_SECONDS = 3600  # Killed processes are waited for, not given up.

async def main():
    keeper = await module.Keeper.start((sys.executable, "-c", sys.argv[1]), {}, ("worker",))
    if "kill a worker" in sys.argv:
        while not keeper._workers:
            await asyncio.sleep(0.05)
            keeper.find_workers()
        (worker,) = keeper._workers
        os.kill(worker, signal.SIGKILL)
    how = await keeper.ended()
    print("how", how)
    print("lines", keeper.log.lines)

asyncio.run(main())
"""
WORKER = """
import ctypes, os, time
child = os.fork()
if not child:
    ctypes.CDLL(None).prctl(15, b"worker::one", 0, 0, 0)
    time.sleep(3600)
os.fork()
time.sleep(3600)
"""


def keep(engine: str, *arguments: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", KEEP, engine, *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "runtime")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reported = [line.partition(" ") for line in done.stdout.splitlines()]
    return {key: value for key, _, value in reported if key in {"how", "lines"}}


@pytest.mark.parametrize(
    ("engine", "how"),
    [
        (
            "import sys; print('bad flag', file=sys.stderr); sys.exit(2)",
            "EngineExit(code=2, worker=None, silent_seconds=None)",
        ),
        (
            "import os; print('bad flag'); os.kill(os.getpid(), 9)",
            "EngineExit(code=-9, worker=None, silent_seconds=None)",
        ),
    ],
)
def test_exit_and_last_words(engine: str, how: str) -> None:
    seen = keep(engine if "exit" in engine else engine.replace("print('bad flag')", "print('bad flag', flush=True)"))
    assert seen["how"] == how
    assert "'bad flag'" in seen["lines"]


def test_death_of_a_worker_is_the_death_of_the_engine_and_seen_while_the_others_live() -> None:
    seen = keep(WORKER, "kill a worker")
    assert seen["how"] == "EngineExit(code=None, worker='worker::one', silent_seconds=None)"


def test_what_the_engine_started_ends_with_it() -> None:
    # The log's pipe closes only when every process that holds it has ended, and `ended` waits for that.
    seen = keep("import os, time\nif os.fork() == 0: time.sleep(3600)\nprint('parent', flush=True)\nos._exit(3)")
    assert seen["how"] == "EngineExit(code=3, worker=None, silent_seconds=None)"
    assert "'parent'" in seen["lines"]
