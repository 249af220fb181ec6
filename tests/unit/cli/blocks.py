"""The console blocks of README.md and docs/cli.md, run anew: ``python -m tests.unit.cli.blocks`` writes them there.

Files are the page's own blocks whose first line is a comment with a name; commands run in a folder that holds them, and
docs/ beside them. Blocks whose first command is another than ``kubectl qwen3`` stay as they are.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.cli.samples import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "cli.md"
PAGES = (ROOT / "README.md", PAGE)
PICTURE = ROOT / "docs" / "images" / "plan.png"
_FILE = re.compile(r"^```\w+\n# ([\w.-]+\.(?:yaml|csv))\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n\$ (kubectl qwen3 .*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COLUMNS = "112"
_PROGRAM = 'import sys; from qwen3_operator.cli.main import main; sys.argv[0] = "kubectl-qwen3"; main()'


def refreshed(text: str) -> str:
    """The page with the output of every command as it is now."""
    with _files(text) as folder:
        return _CONSOLE.sub(lambda block: f"```console\n$ {block[1]}\n{_output(block[1], folder)}```", text)


@contextmanager
def _files(text: str) -> Iterator[str]:
    """A folder with the files of the page, and the checkout's docs."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "docs").symlink_to(ROOT / "docs")
        for name, content in _FILE.findall(text):
            (Path(folder) / name).write_text(content, encoding="utf-8")
        yield folder


def _output(command: str, folder: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'runtime'}",
        "COLUMNS": _COLUMNS,
        "PROGRAM": _PROGRAM,
        "PYTHON": sys.executable,
    }
    script = f'kubectl() {{ shift; "$PYTHON" -c "$PROGRAM" "$@"; }}\n{command}'
    result = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = result.stdout.decode()
    if "Traceback" in text:
        raise RuntimeError(f"{command}: {text}")
    return text


def _draw(text: str) -> None:
    """The page's picture: its first command with --plot."""
    command = _CONSOLE.findall(text)[0][0]
    with _files(text) as folder:
        _output(f"{command} --plot {shlex.quote(str(PICTURE))}", folder)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
    _draw(PAGE.read_text(encoding="utf-8"))
