"""Images made of one program each, under the names that kubeadm and the manifests ask for."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.kind import cache, docker, gobuild, versions
from tests.kind.steps import StepError, output

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kind.steps import Step

REGISTRY_IMAGE = "registry:3"
KWOK_IMAGE = f"registry.k8s.io/kwok/kwok:{versions.KWOK.version}"
KUBE_ROUTER_IMAGE = f"cloudnativelabs/kube-router:{versions.KUBE_ROUTER.version}"


@dataclass(frozen=True)
class ProgramImage:
    """An image that holds one program; ``base`` is another image or ``scratch``."""

    name: str
    program: Path
    inside: str
    base: str = "scratch"
    arguments: tuple[str, ...] = ()

    @property
    def dockerfile(self) -> str:
        """The program as ENTRYPOINT with its default arguments, on a PATH that finds it."""
        return (
            f"FROM {self.base}\nCOPY {self.program.name} {self.inside}\n"
            f'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nENTRYPOINT ["{self.inside}"]\n'
            f"CMD {json.dumps(self.arguments)}\n"
        )


def build_program_image(image: ProgramImage, step: Step, extra: dict[str, str] | None = None) -> None:
    """Build one image; ``extra`` maps further paths in it to their text."""
    with cache.scratch_folder() as context:
        shutil.copy(image.program, context / image.program.name)
        text = image.dockerfile
        for number, (path, content) in enumerate((extra or {}).items()):
            (context / f"extra{number}").write_text(content)
            text += f"COPY extra{number} {path}\n"
        (context / "Dockerfile").write_text(text)
        step.run(docker.docker("build", "-q", "--network", "host", "-t", image.name, context))


def kubeadm_names(kubeadm: Path) -> dict[str, str]:
    """What this kubeadm asks for, by program: ``{"kube-apiserver": "<registry>/kube-apiserver:v1.36.3", ...}``."""
    lines = output([kubeadm, "config", "images", "list", f"--kubernetes-version={versions.KUBERNETES}"]).split()
    return {name.rsplit("/", 1)[-1].split(":")[0]: name for name in lines}


def build_pause(step: Step) -> Path:
    """The pause program, from the source beside this file."""
    target = cache.folder("bin", "pause") / "pause"
    source = cache.FILES / "pause" / "main.go"
    command: list[str | Path] = ["go", "build", "-ldflags", "-s -w", "-o", target, source]
    step.run(command, env=gobuild.go_environment() | {"GOFLAGS": "-trimpath"})
    return target


def build_cluster_images(binaries: dict[str, Path], node_rootfs: str, step: Step) -> list[str]:
    """Build every image that a node holds from its first second; return their names.

    ``binaries`` maps program names to their cached files.
    """
    names = kubeadm_names(binaries["kubeadm"])
    slim = f"qwen3-serving/iptables:{versions.DEBIAN}"
    build_file_image("iptables.Dockerfile", slim, {"NODE_ROOTFS": node_rootfs}, step)
    plain = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
    wanted = [
        *(ProgramImage(names[program], binaries[program], f"/usr/local/bin/{program}") for program in plain),
        ProgramImage(names["kube-proxy"], binaries["kube-proxy"], "/usr/local/bin/kube-proxy", base=slim),
        ProgramImage(names["coredns"], binaries["coredns"], "/coredns"),
        ProgramImage(names["pause"], build_pause(step), "/pause"),
        ProgramImage(KUBE_ROUTER_IMAGE, binaries["kube-router"], "/usr/local/bin/kube-router", base=slim),
        ProgramImage(KWOK_IMAGE, binaries["kwok"], "/usr/local/bin/kwok"),
    ]
    for image in wanted:
        build_program_image(image, step)
    return [image.name for image in wanted]


def build_file_image(
    dockerfile: str, name: str, arguments: dict[str, str], step: Step, context: Path | None = None
) -> None:
    """Build from one of the Dockerfiles in ``files``; without a context the build sees no files."""
    flags = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    with cache.scratch_folder() as empty:
        folder = context or empty
        shutil.copy(cache.FILES / dockerfile, folder / "Dockerfile")
        step.run(docker.docker("build", "--network", "host", *flags, "-t", name, folder))


_REGISTRY_CONFIG = """version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: /var/lib/registry}
  delete: {enabled: true}
http: {addr: ":5000"}
"""


def make_registry_image(step: Step) -> None:
    """The local registry's image: pulled where that works (the caller knows), else built under the same name."""
    program = cache.root() / "bin" / versions.REGISTRY.key / "registry"
    if not program.exists():
        raise StepError(f"{program} is missing: the registry has to be built first")
    path = "/etc/distribution/config.yml"
    image = ProgramImage(REGISTRY_IMAGE, program, "/bin/registry", arguments=("serve", path))
    build_program_image(image, step, extra={path: _REGISTRY_CONFIG})
