"""Debian root file systems by debootstrap: the node's and the Python base's, as tarballs in the cache and as images."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import cache, docker, versions
from tests.kind.steps import StepError

if TYPE_CHECKING:
    from tests.kind.steps import Step

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Rootfs:
    """A debootstrap of minbase plus ``packages``; ``finish`` is a shell script run in the new root's folder."""

    image: str
    packages: tuple[str, ...]
    finish: str
    environment: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Changes with anything that changes the content, the machine's CA bundle included."""
        parts = (*self.packages, self.finish, *self.environment, versions.DEBIAN, host_ca_bundle().read_text())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]

    @property
    def tag(self) -> str:
        """The image's full name."""
        return f"{self.image}-{self.key}"

    @property
    def tarball(self) -> Path:
        """The cached archive, without compression: it is read more often than disk is short."""
        return cache.folder("rootfs") / f"{self.tag.replace('/', '-').replace(':', '-')}.tar"


_TRIM = """
rm -rf var/cache/apt/archives/*.deb var/cache/apt/*.bin var/lib/apt/lists/* var/log/*
rm -rf usr/share/doc/* usr/share/man/* usr/share/info/* usr/share/locale/*
"""

PYTHON = Rootfs(
    image=f"qwen3-serving/python-base:{versions.DEBIAN}-3.11",
    packages=("python3", "python3-venv", "python3-pip", "ca-certificates"),
    # python:3.11-slim has `python`, and lets pip install into the system's site-packages.
    finish=f"{_TRIM}\nln -sf python3 usr/bin/python\nrm -f usr/lib/python3*/EXTERNALLY-MANAGED\n",
    environment=("LANG=C.UTF-8", f"SSL_CERT_FILE={CA_BUNDLE}", f"PIP_CERT={CA_BUNDLE}"),
)

NODE = Rootfs(
    image=f"qwen3-serving/node-rootfs:{versions.DEBIAN}",
    packages=(
        "systemd", "systemd-sysv", "dbus", "iptables", "nftables", "iproute2", "kmod", "conntrack", "ethtool", "socat",
        "util-linux", "mount", "ebtables", "curl", "jq", "bash", "procps", "hostname", "ca-certificates",
        "containernetworking-plugins", "libseccomp2", "runc", "e2fsprogs", "ipset",
        "isal",  # containerd unpacks gzip layers with igzip where it finds it, several times faster than by itself
    ),
    finish=_TRIM,
)  # fmt: skip


def host_ca_bundle() -> Path:
    """The certificates that this machine trusts, which builds inside an image must trust too."""
    path = Path(os.environ.get("SSL_CERT_FILE") or CA_BUNDLE)
    if not path.is_file():
        raise StepError(f"no CA bundle at {path}: install ca-certificates or set SSL_CERT_FILE")
    return path


def make_image(rootfs: Rootfs, step: Step) -> str:
    """The rootfs as a docker image: what docker has, else the cached tarball, else a new debootstrap."""
    if docker.has_image(rootfs.tag):
        step.note = "present"
        return rootfs.tag
    step.note = "from the cached tarball"
    if not rootfs.tarball.exists():
        step.note = "debootstrap"
        _debootstrap(rootfs, step)
    changes = [word for value in rootfs.environment for word in ("--change", f"ENV {value}")]
    step.run(docker.docker("import", *changes, rootfs.tarball, rootfs.tag))
    return rootfs.tag


def as_root() -> list[str]:
    """The prefix for debootstrap; StepError where this user may not run it."""
    return docker.as_root("without a container registry in reach, making Debian root file systems once")


def check_rights() -> None:
    """Raise StepError now, rather than after half an hour of builds, where a debootstrap is due that cannot be had."""
    for rootfs in (NODE, PYTHON):
        if not (docker.has_image(rootfs.tag) or rootfs.tarball.exists()):
            as_root()


def _debootstrap(rootfs: Rootfs, step: Step) -> None:
    root = as_root()
    docker.install_packages(step, ("debootstrap",))
    with cache.scratch_folder() as scratch:
        tree = scratch / "tree"
        include = f"--include={','.join(rootfs.packages)}"
        step.run([*root, "nice", "-n", "10", "debootstrap", "--variant=minbase", include, versions.DEBIAN, tree])
        step.run([*root, "sh", "-euc", rootfs.finish], cwd=tree)
        step.run([*root, "cp", host_ca_bundle(), f"{tree}{CA_BUNDLE}"])
        with cache.atomic_file(rootfs.tarball) as archive:
            step.run([*root, "tar", "-C", tree, "-cf", archive, "."])
        step.run([*root, "rm", "-rf", tree])
