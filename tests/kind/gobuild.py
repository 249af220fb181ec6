"""Builds pinned programs from the Go module proxy into the cache."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import cache
from tests.kind.steps import StepError, output

if TYPE_CHECKING:
    from tests.kind.steps import Step
    from tests.kind.versions import GoTool

# Gigabytes that nothing needs once the binaries are there.
CACHES = ("go", "go-build")
STAGING = "=> ./staging/src/"


def go_environment() -> dict[str, str]:
    """Static builds, module and build caches inside ours, and no interference by a surrounding workspace."""
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOPATH": str(cache.folder("go")),
        "GOCACHE": str(cache.folder("go-build")),
        "GOWORK": "off",
        "GOFLAGS": "-trimpath -buildvcs=false -mod=mod",
    }


def module_folder(module: str, version: str) -> Path:
    """The read-only source folder of a module, downloaded where missing."""
    return Path(_download(module, version)["Dir"])


def _download(module: str, version: str) -> dict[str, str]:
    if shutil.which("go") is None:
        raise StepError("go (1.21 or newer) is needed to build the cluster's programs, and is not on PATH")
    with tempfile.TemporaryDirectory() as scratch:
        text = output(
            ["env", "-C", scratch, *_assignments(), "go", "mod", "download", "-json", f"{module}@{version}"],
            timeout=600,
        )
    facts: dict[str, str] = json.loads(text)
    return facts


def _assignments() -> list[str]:
    return [f"{key}={value}" for key, value in go_environment().items() if key.startswith("GO")]


def staging_replaces(go_mod: str, version: str) -> list[str]:
    """``-replace`` flags for Kubernetes' own staging modules, which its go.mod requires as v0.0.0.

    They are published separately: k8s.io/api v0.36.3 belongs to k8s.io/kubernetes v1.36.3.
    """
    staged = [line.split("=>")[0].removeprefix("replace").strip() for line in go_mod.splitlines() if STAGING in line]
    return [f"-replace={name}={name}@{version.replace('v1.', 'v0.', 1)}" for name in staged]


def binaries(tool: GoTool) -> Path:
    """Where the tool's finished binaries lie, or will lie."""
    return cache.root() / "bin" / tool.key


def fetch(tool: GoTool, step: Step) -> Path:
    """A module that requires the tool, with everything downloaded that building it reads; mostly network."""
    module = cache.root() / "modules" / tool.key
    if module.is_dir():
        step.note = "cached"
        return module
    environment = go_environment()
    with cache.atomic_folder(module) as work:
        step.run(["go", "mod", "init", "tools.invalid/build"], cwd=work, env=environment)
        go_mod = Path(_download(tool.module, tool.version)["GoMod"]).read_text() if tool.module else ""
        if replaces := staging_replaces(go_mod, tool.version):
            step.run(["go", "mod", "edit", *replaces], cwd=work, env=environment)
        paths = [tool.module if path == "." else path for path in tool.packages.values()]
        step.run(["go", "get", *(f"{path}@{tool.version}" for path in paths)], cwd=work, env=environment)
        if tool.source:
            shutil.copy(tool.source, work)
            step.run(["go", "get", "."], cwd=work, env=environment)
    return module


def build(tool: GoTool, step: Step) -> None:
    """Compile a fetched tool into the cache."""
    target = binaries(tool)
    if target.is_dir():
        step.note = "cached"
        return
    module, environment = fetch(tool, step), go_environment()
    step.note = ""
    with cache.atomic_folder(target) as folder:
        flags = ["-tags", tool.tags, "-ldflags", f"-s -w {tool.ldflags}".strip()]
        for name, package in tool.packages.items():
            step.run(
                ["nice", "-n", "10", "go", "build", *flags, "-o", folder / name, package], cwd=module, env=environment
            )
