"""Runs Python of the checkout inside the runtime image, beside the engine that it ships: ``... inside -m pytest ...``.

The image is what is judged, under the limits that a pod has: no root, no capabilities, read-only root, no network. The
checkout and the test environment are mounted read-only, so the host's Python must be of the image's minor version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.kind import docker

REPOSITORY = Path(__file__).parents[2]


def command(platform: dict[str, str], words: list[str]) -> list[str]:
    """The docker command line."""
    paths = (sysconfig.get_path("purelib"), *(str(REPOSITORY / part) for part in ("runtime", "operator", "")))
    environment = {
        "PYTHONPATH": ":".join(paths),
        "QWEN3_ENGINE_PYTHON": "/opt/engine/bin/python",
        "QWEN3_OLD_ENGINE": "/old-engine",
        "QWEN3_TINY_MODEL": f"/models/{platform['modelFolder']}",
    }
    volumes = {
        str(REPOSITORY): str(REPOSITORY),
        platform["modelsOnHost"]: "/models",
        platform["oldEngine"]: "/old-engine",
    }
    return docker.docker(
        *("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp:exec", "--shm-size", "1g"),  # noqa: S108
        *("--user", "65532:65532", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
        *(word for source, target in volumes.items() for word in ("--volume", f"{source}:{target}:ro")),
        *("--workdir", str(REPOSITORY), "--entrypoint", "/opt/runtime/bin/python", platform["runtimeImage"], *words),
    )


def main() -> int:
    """Run and pass the exit status on."""
    made = json.loads((Path(os.environ["QWEN3_TEST_KUBECONFIG"]).parent / "platform.json").read_text())
    return subprocess.run(command(made, sys.argv[1:]), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
