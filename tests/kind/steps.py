"""Steps with names, durations, log files and a table at the end; and the one way to run a command in them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.kind import cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

HINT_SECONDS = 20
TAIL_LINES = 20


class StepError(Exception):
    """A step that failed; its text is what a person needs to act."""


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class Step:
    """One running step: its log file, and what it wants to add to its line of the table."""

    def __init__(self, title: str) -> None:
        self.title = title
        name = "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")
        self.log = cache.folder("logs") / f"{name}.log"
        self.log.write_text("")
        self.note = ""

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Run a command with its output in the step's log; raise StepError with the log's end when it fails."""
        words = [str(word) for word in command]
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(words)}\n")
            log.flush()
            try:
                done = subprocess.run(
                    words,
                    cwd=cwd,
                    env=env,
                    input=stdin,
                    text=True,
                    stdout=log,
                    stderr=log,
                    timeout=timeout,
                    check=False,
                )
            except FileNotFoundError as error:
                raise StepError(f"{self.title}: {words[0]} is not installed") from error
            except subprocess.TimeoutExpired as error:
                raise StepError(
                    f"{self.title}: {words[0]} did not end within {timeout:.0f} s; log {self.log}"
                ) from error
        if done.returncode:
            ending = f"`{' '.join(words[:6])}` ended with {done.returncode}"
            raise StepError(f"{self.title}: {ending}\n{tail(self.log)}\nfull log: {self.log}")


class Steps:
    """Runs named steps, prints a line for each when it is done, hints while one is long, and a table at the end."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, str]] = []
        self.started = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time a block, and say that it is still alive every HINT_SECONDS."""
        step, begun, over = Step(title), time.monotonic(), threading.Event()
        hint = threading.Thread(target=self._hint, args=(step, begun, over), daemon=True)
        hint.start()
        try:
            yield step
        except BaseException:
            print(f"✗ {title} after {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
            raise
        finally:
            over.set()
            hint.join()
        took = time.monotonic() - begun
        self.rows.append((title, took, step.note))
        print(f"✓ {title}{f' ({step.note})' if step.note else ''}: {took:.1f} s", flush=True)

    @staticmethod
    def _hint(step: Step, begun: float, over: threading.Event) -> None:
        while not over.wait(HINT_SECONDS):
            print(f"… {step.title}: {time.monotonic() - begun:.0f} s so far (log {step.log})", flush=True)

    def table(self) -> str:
        """All steps with their seconds, and the total of wall-clock time; some run beside others."""
        width = max((len(title) for title, _, _ in self.rows), default=5)
        lines = [f"  {title:<{width}}  {took:7.1f} s  {note}".rstrip() for title, took, note in self.rows]
        total = time.monotonic() - self.started
        beside = sum(took for _, took, _ in self.rows) > total
        note = "  less than the sum: some ran side by side" if beside else ""
        return "\n".join([*lines, f"  {'total':<{width}}  {total:7.1f} s{note}"])


def output(command: Sequence[str | Path], *, stdin: str | None = None, timeout: float = 60) -> str:
    """The standard output of a short command; raises StepError with its standard error when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise StepError(f"{words[0]}: {error}") from error
    if done.returncode:
        raise StepError(f"`{' '.join(words[:8])}` ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def succeeds(command: Sequence[str | Path], *, timeout: float = 30) -> bool:
    """Whether a short command ends with 0; a missing program or a hang is a no."""
    try:
        output(command, timeout=timeout)
    except StepError:
        return False
    return True
