"""Where a container has its files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Places:
    """Files below ``root``, and the environment of this process."""

    root: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def driver(self) -> Path:
        """The Ascend driver's files, which come from the node."""
        return self.root / "usr/local/Ascend/driver"
