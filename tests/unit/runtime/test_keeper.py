"""The keeper with small real processes in the engine's place. In a process of its own: it reaps every child."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

KEEP = """
import asyncio, sys, time
from pathlib import Path
from qwen3_runtime.engines.keeper import Keeper

async def main():
    keeper = await Keeper.start((sys.executable, "-c", sys.argv[1]), {}, ("worker",))
    if len(sys.argv) > 2:
        await asyncio.sleep(float(sys.argv[2]))
        keeper.find_workers()
    began = time.monotonic()
    how = await keeper.ended()
    print("took", time.monotonic() - began)
    print("how", how)
    print("lines", keeper.log.lines)

asyncio.run(main())
"""
WORKER = """
import ctypes, os, signal, time
child = os.fork()
if not child:
    ctypes.CDLL(None).prctl(15, b"worker::one", 0, 0, 0)
    time.sleep({life})
    os.kill(os.getpid(), signal.SIGKILL)
os.fork() or time.sleep(60)
time.sleep(60)
"""


def keep(engine: str, *arguments: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", KEEP, textwrap.dedent(engine), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "runtime")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reported = [line.partition(" ") for line in done.stdout.splitlines()]
    return {key: value for key, _, value in reported if key in {"took", "how", "lines"}}


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


def test_death_of_a_worker_is_the_death_of_the_engine_and_seen_at_once() -> None:
    seen = keep(WORKER.format(life=1.5), "0.7")
    assert seen["how"] == "EngineExit(code=None, worker='worker::one', silent_seconds=None)"
    assert float(seen["took"]) < 2.5


def test_what_the_engine_started_ends_with_it() -> None:
    # The log's pipe closes only when every process that holds it has ended, and `ended` waits for that.
    seen = keep("import os, time\nif os.fork() == 0: time.sleep(60)\nprint('parent', flush=True)\nos._exit(3)")
    assert seen["how"] == "EngineExit(code=3, worker=None, silent_seconds=None)"
    assert float(seen["took"]) < 2.5
    assert "'parent'" in seen["lines"]
