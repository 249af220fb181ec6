"""The gateway as in a container of 256 MiB: ``python -m tests.hostile.small_gateway``."""

from __future__ import annotations

from unittest.mock import patch

from qwen3_runtime.gateway import gateway
from qwen3_runtime.gateway.main import main

MEMORY = 256 * 1024 * 1024

if __name__ == "__main__":
    with patch.object(gateway, "memory", return_value=MEMORY):
        raise SystemExit(main())
