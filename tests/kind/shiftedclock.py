"""A library for ``LD_PRELOAD`` with which a test sets the clock of one pod: the cluster's nodes share the machine's.

Debian's libfaketime 0.9.10 is not used: with it Python 3.11 waits for ever, or gets EINVAL from ``time.sleep``.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.kind import cache

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = cache.FILES / "clock" / "clock.c"
OFFSET = "/clock/offset"
"""File with the seconds that the time of day is ahead, ``-7200`` for instance; without it, none."""


def build(folder: Path) -> Path:
    """The library. `make platform` has seen to the compiler."""
    library = folder / "clock.so"
    flags = ("-shared", "-fPIC", "-O2", "-Wall", "-Werror")
    subprocess.run(["gcc", *flags, "-o", library, SOURCE], check=True)
    return library
