"""`python3 engine_venv.py DIR`: make the engine's virtual environment, as the image has it and as tests use it.

Needs gcc and binutils where torch is a CUDA build (x86-64). Written to DIR itself: a venv cannot be moved afterwards.
"""

# ruff: noqa: INP001, S603, T201 - a build script: no package, runs the tools of the build, talks to its log

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import drop_cuda
import forked_start
import prune
import thinking_mask

HERE = Path(__file__).parent
STAMP = "engine.json"
# Syntax of other Python versions, which no import reaches.
NOT_COMPILED = r"py312_intrinsics|/tests?/"


def main() -> None:
    """Make the environment unless it is complete: the stamp is written last."""
    directory = Path(sys.argv[1])
    if (directory / STAMP).exists():
        print(f"{directory} is complete")
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
    python = directory / "bin" / "python"
    pip = ["pip", "install", "-q", "--no-cache-dir", "--no-compile", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([str(python), "-m", *pip, "-r", str(HERE / "requirements.txt")], check=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(directory)}))
    drop_cuda.replace(packages / "torch")
    prune.prune(packages)
    thinking_mask.complete(packages)
    forked_start.fork(packages)
    shutil.copytree(HERE / "standins", packages, dirs_exist_ok=True)
    compile_bytecode(python, packages)
    shutil.copyfile(HERE / STAMP, directory / STAMP)


def compile_bytecode(python: Path, packages: Path) -> None:
    """Compile what is left. Nobody edits these files, so Python need not compare them with their sources."""
    options = ["-q", "-j", "0", "-x", NOT_COMPILED, "--invalidation-mode", "unchecked-hash"]
    # The exit status only says that some file has the syntax of another Python version.
    subprocess.run([str(python), "-m", "compileall", *options, str(packages)], check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
