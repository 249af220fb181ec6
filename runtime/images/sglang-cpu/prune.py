"""Remove from the engine's venv what serving text on a CPU never opens: headers, tests, tools, other models' code."""

# ruff: noqa: INP001, S603, S607 - a build script: no package, runs the tools of the build

import shutil
import subprocess
from pathlib import Path

FOLDERS = (
    "torch/include",
    "torch/share",
    "torch/bin/test",
    "sglang/multimodal_gen",
    "sglang/kernels/ops/gemm/configs",
    "pip",
)
TEST_SUITES = ("numpy", "scipy", "sympy", "networkx", "mpmath")
# torch_shm_manager stays: torch starts it to share tensors between processes.
KEPT_TOOLS = ("torch_shm_manager",)


def prune(packages: Path) -> None:
    """Prune the site-packages folder `packages` and strip its libraries of symbols that nobody links against."""
    for name in FOLDERS:
        shutil.rmtree(packages / name, ignore_errors=True)
    for suite in TEST_SUITES:
        for folder in [path for path in (packages / suite).rglob("tests") if path.is_dir()]:
            shutil.rmtree(folder, ignore_errors=True)
    for tool in (packages / "torch" / "bin").glob("*"):
        if tool.name not in KEPT_TOOLS:
            tool.unlink()
    for library in packages.rglob("*.so*"):
        # Wheels repaired by patchelf may not survive a strip; torch's own libraries and SGLang's do.
        if library.parts[len(packages.parts)] in {"torch", "sglang"}:
            subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)
