"""Python environments in the cache, each made once from a lock with hashes."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.kind import cache

if TYPE_CHECKING:
    from pathlib import Path

UV = (sys.executable, "-m", "uv")


@dataclass(frozen=True)
class Venv:
    """One environment; another lock makes another one."""

    kind: str
    """Folder of the cache."""
    distribution: str
    """What it is for, the one of its distributions that gives it its name."""
    lock_file: Path

    @property
    def home(self) -> Path:
        """Its folder."""
        digest = hashlib.sha256(self.lock_file.read_bytes()).hexdigest()[:12]
        return cache.folder(self.kind) / f"{self.distribution}-{digest}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.home / "bin" / "python"

    @property
    def version(self) -> str:
        """Of the distribution that it is for."""
        pin = re.search(rf"^{self.distribution}==(\S+)", self.lock_file.read_text(), re.MULTILINE)
        assert pin, f"{self.lock_file} does not pin {self.distribution}"
        return pin[1]

    def make(self) -> None:
        """Make it where it is missing; the mark that it is whole comes last."""
        mark = self.home / "complete"
        if mark.exists():
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(self.home)], check=True)
        install = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        subprocess.run([*UV, *install, "--python", str(self.python), "-r", str(self.lock_file)], check=True)
        mark.touch()
