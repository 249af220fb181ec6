"""The real `ollama` command line (MIT): its client. Its server needs C++ that the Go module does not carry."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.kind import cache, gobuild
from tests.kind.steps import Steps

if TYPE_CHECKING:
    from pathlib import Path

MODULE, VERSION = "github.com/ollama/ollama", "v0.17.4"
LEFT_OUT = ("server/*.go", "runner/*.go", "x/imagegen/server.go")
"""What serves models, and all that reaches the C++ from the command line."""
INSTEAD = {
    "server/none.go": """package server

import (
	"errors"
	"net"
)

func Serve(net.Listener) error { return errors.New("left out") }
""",
    "runner/none.go": """package runner

import "errors"

func Execute([]string) error { return errors.New("left out") }
""",
}
"""What the command line asks of the parts left out."""


def program() -> Path:
    """Its binary; built from the Go module proxy into the cache where missing (a minute or two, once)."""
    home = cache.root() / "bin" / f"ollama-{VERSION}"
    if not home.is_dir():
        with Steps().step(f"build ollama {VERSION}") as step, cache.scratch_folder() as scratch:
            source = _source(scratch / "source")
            with cache.atomic_folder(home) as folder:
                build = ["nice", "-n", "10", "go", "build", "-ldflags", "-s -w", "-o", str(folder / "ollama"), "."]
                step.run(build, cwd=source, env=gobuild.go_environment())
    return home / "ollama"


def _source(folder: Path) -> Path:
    """The module without its server, to be built in place."""
    shutil.copytree(gobuild.module_folder(MODULE, VERSION), folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*/")):
        path.chmod(cache.WRITABLE)
    for pattern in LEFT_OUT:
        for path in folder.glob(pattern):
            path.unlink()
    for name, text in INSTEAD.items():
        (folder / name).write_text(text)
    return folder
