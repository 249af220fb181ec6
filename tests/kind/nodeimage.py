"""kind's node image without a registry: built once, kept in docker and as a tar in the cache."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from tests.kind import cache, docker, gobuild, images, rootfs, versions
from tests.kind.steps import output

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kind.steps import Step

IMPORT = """
containerd >/tmp/containerd.log 2>&1 &
for attempt in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
ctr -n k8s.io images import --label=io.cri-containerd.pinned=pinned --all-platforms --no-unpack --digests \\
  /import/images.tar
kill %1
wait
rm -f /tmp/containerd.log
"""
EXECUTABLE, READABLE = 0o755, 0o644


def name() -> str:
    """The node image's name, which changes with everything that goes into it."""
    recipe = [rootfs.NODE.tag, IMPORT, *(tool.key for tool in (*versions.NODE_TOOLS, versions.KIND, versions.KWOK))]
    sources = ("node.Dockerfile", "node-setup.sh", "iptables.Dockerfile", "pause/main.go")
    recipe += [(cache.FILES / source).read_text() for source in sources]
    key = hashlib.sha256("\n".join(recipe).encode()).hexdigest()[:10]
    return f"qwen3-serving/kind-node:{versions.KUBERNETES}-{key}"


def tarball() -> Path:
    """The image's archive in the cache."""
    return cache.folder("images") / f"{name().replace('/', '-').replace(':', '-')}.tar"


def cached() -> bool:
    """Whether nothing has to be built."""
    return docker.has_image(name()) or tarball().exists()


def load(step: Step) -> None:
    """Take the image out of the cache where docker does not have it."""
    if docker.has_image(name()):
        step.note = "present"
        return
    step.run(docker.docker("load", "-i", tarball()))
    step.note = "from the cached tarball"


def build(binaries: dict[str, Path], node_rootfs: str, step: Step) -> None:
    """Build the node image and preload the control plane's images into it."""
    preloaded = images.build_cluster_images(binaries, node_rootfs, step)
    pause = images.kubeadm_names(binaries["kubeadm"])["pause"]
    bare = "qwen3-serving/kind-node:bare"
    with cache.scratch_folder() as context:
        _fill_context(context, binaries)
        arguments = {"NODE_ROOTFS": node_rootfs, "KUBERNETES_VERSION": versions.KUBERNETES, "PAUSE_IMAGE": pause}
        images.build_file_image("node.Dockerfile", bare, arguments, step, context)
    with cache.scratch_folder() as scratch:
        step.run(docker.docker("save", "-o", scratch / "images.tar", *preloaded))
        _preload(bare, scratch, step)
    for outdated in tarball().parent.glob("qwen3-serving-kind-node-*.tar"):
        outdated.unlink()
    with cache.atomic_file(tarball()) as archive:
        step.run(docker.docker("save", "-o", archive, name()))
    # All of it is inside the node image now.
    step.run(docker.docker("rmi", bare, *preloaded))


def _fill_context(context: Path, binaries: dict[str, Path]) -> None:
    module = gobuild.module_folder("sigs.k8s.io/kind", versions.KIND.version)
    shutil.copytree(module / "images/base/files", context / "kind")
    for path in (context / "kind").rglob("*"):
        script = path.is_dir() or path.parent.name == "bin"
        path.chmod(EXECUTABLE if script else READABLE)
    for folder, programs in (
        ("bin", ("kubeadm", "kubelet", "kubectl")),
        ("local-bin", ("containerd", "ctr", "containerd-shim-runc-v2", "crictl")),
    ):
        (context / folder).mkdir()
        for program in programs:
            shutil.copy(binaries[program], context / folder)
    shutil.copy(cache.FILES / "node-setup.sh", context / "setup.sh")


def _preload(bare: str, folder: Path, step: Step) -> None:
    """Import folder/images.tar into the node's containerd, and commit the result under the final name."""
    mount = ("-v", f"{folder}:/import:ro")
    container = output(
        docker.docker("create", "--privileged", *mount, "--entrypoint", "bash", bare, "-euc", IMPORT)
    ).strip()
    try:
        step.run(docker.docker("start", "-a", container))
        entrypoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'
        step.run(docker.docker("commit", "--change", entrypoint, "--change", "CMD []", container, name()))
    finally:
        step.run(docker.docker("rm", "-f", container))
