"""Finds a Docker daemon, or installs and starts one where that is allowed."""

from __future__ import annotations

import getpass
import grp
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kind import cache
from tests.kind.steps import StepError, output, succeeds, tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.kind.steps import Step

PACKAGES = ("docker.io", "iptables", "jq", "ca-certificates")  # jq: for runc-caps
SOCKET = Path("/var/run/docker.sock")
GROUP = "docker"
# dockerd must find Debian's containerd and runc, never the ones built for the nodes.
DAEMON_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
START_SECONDS = 60
# Files with the process ids of the daemon and of the containerd that it starts, by program.
PID_FILES = {"dockerd": Path("/var/run/docker.pid"), "containerd": Path("/var/run/docker/containerd/containerd.pid")}


def docker(*words: str | Path) -> list[str]:
    """A docker command line: the legacy builder, since Debian's engine comes without buildx."""
    return ["env", "DOCKER_BUILDKIT=0", "docker", *(str(word) for word in words)]


def as_root(purpose: str) -> list[str]:
    """The prefix that makes a command run as root, empty for root; StepError with the purpose where that cannot be."""
    if os.geteuid() == 0:
        return []
    if succeeds(["sudo", "-n", "true"]):
        return ["sudo", "-n"]
    raise StepError(f"{purpose} needs root (or sudo without a password)")


def running() -> bool:
    """Whether a daemon answers."""
    return succeeds(docker("info"), timeout=20)


def check_access() -> None:
    """Raise StepError where starting a daemon cannot help: one was named that is silent, or one refuses this user."""
    if host := os.environ.get("DOCKER_HOST"):
        raise StepError(f"no Docker daemon answers at DOCKER_HOST={host}: start that one, or unset DOCKER_HOST")
    if SOCKET.exists() and not os.access(SOCKET, os.W_OK) and not _silent():
        raise StepError(refusal(getpass.getuser(), grp.getgrgid(SOCKET.stat().st_gid).gr_name))


def _silent() -> bool:
    """Whether root, asked through sudo, sees that nobody listens at a socket that this user may not open."""
    return succeeds(["sudo", "-n", "true"]) and not succeeds(["sudo", "-n", *docker("info")])


def refusal(user: str, group: str) -> str:
    """What a user is told who may not open the daemon's socket, which belongs to ``group``."""
    trouble = f"user {user} may not use the Docker daemon of this machine: {SOCKET} belongs to group {group}"
    join = f"`usermod -aG {GROUP} {user}`, then log in again"
    if group != GROUP:
        join = f"`groupadd -f {GROUP}; chgrp {GROUP} {SOCKET}` and {join}"
    return f"{trouble}. As root run {join}. Who is in that group is as good as root"


def has_image(name: str) -> bool:
    """Whether the daemon holds an image of this name."""
    return succeeds(docker("image", "inspect", name))


def container_state(name: str) -> str:
    """``running``, ``exited``, ...; empty where there is no such container."""
    try:
        return output(docker("container", "inspect", "-f", "{{.State.Status}}", name)).strip()
    except StepError:
        return ""


def install_packages(step: Step, packages: Sequence[str] = PACKAGES) -> None:
    """Install what is missing of Debian packages."""
    missing = [name for name in packages if not _installed(name)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise StepError(f"please install {', '.join(missing)}: this machine has no apt-get")
    apt = [*as_root(f"installing {', '.join(missing)}"), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    step.run([*apt, "update", "-q"])
    # policy-rc.d is not set: the daemon that a package may start itself serves as well as ours.
    step.run([*apt, "install", "-q", "-y", "--no-install-recommends", *missing])
    step.note = f"installed {' '.join(missing)}"


def _installed(package: str) -> bool:
    try:
        return output(["dpkg-query", "-W", "-f", "${Status}", package]).endswith(" installed")
    except StepError:
        return False


def state_folder() -> Path:
    """Configuration, log and process id of the daemon that this module starts."""
    return cache.folder("docker")


def start(step: Step) -> None:
    """Make a Docker daemon answer: the one that runs, else one of our own."""
    if running():
        step.note = "already running"
        return
    check_access()
    install_packages(step)
    if not running():
        _spawn(step)
    driver = output(docker("info", "-f", "{{.Driver}}")).strip()
    if driver != "overlay2":
        raise StepError(f"docker stores images with {driver}; overlay2 is needed for kind's nodes to be fast enough")
    step.note = f"{step.note}; started, {driver}".removeprefix("; ")


def _spawn(step: Step) -> None:
    root, folder = as_root("no Docker daemon answers, and starting one"), state_folder()
    shutil.copy(cache.FILES / "runc-caps", folder / "runc-caps")
    config = {
        "storage-driver": "overlay2",
        "live-restore": True,
        "max-concurrent-uploads": 2,
        "runtimes": {"runc-caps": {"path": str(folder / "runc-caps")}},
        "default-runtime": "runc-caps",
        "group": socket_group(),
    }
    (folder / "daemon.json").write_text(json.dumps(config, indent=2))
    for program, pid_file in PID_FILES.items():
        if is_stale(pid_file, program):
            step.run([*root, "rm", "-f", pid_file])
    log_path = folder / "dockerd.log"
    command = [*root, "env", f"PATH={DAEMON_PATH}", "dockerd", "--config-file", str(folder / "daemon.json")]
    with log_path.open("a") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while not running():
        if time.monotonic() > deadline:
            raise StepError(f"dockerd did not answer within {START_SECONDS} s\n{tail(log_path)}\nfull log: {log_path}")
        time.sleep(0.5)
    (folder / "started-by-us").touch()


def socket_group() -> str:
    """Who may use the daemon: this user's group; for root the one that Debian's package makes, where it is there."""
    if os.geteuid() == 0 and any(group.gr_name == GROUP for group in grp.getgrall()):
        return GROUP
    return grp.getgrgid(os.getegid()).gr_name


def is_stale(pid_file: Path, program: str) -> bool:
    """Whether the process id in a file is not one of ``program``.

    After a kill or a restart the id may belong to another program; dockerd then refuses to start, or waits for a
    containerd that nobody started until it gives up.
    """
    process = _content(pid_file)
    if process is None:
        return False
    command_line = Path("/proc", process, "cmdline")
    try:
        name = command_line.read_bytes().split(b"\0")[0]
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        return True
    return Path(name.decode(errors="replace")).name != program


def _content(pid_file: Path) -> str | None:
    """What a file says that root may have to read; None where there is no such file."""
    try:
        return pid_file.read_text().strip()
    except FileNotFoundError:
        return None
    except PermissionError:
        reader: list[str | Path] = [*as_root(f"reading {pid_file}"), "cat", pid_file]
        return output(reader).strip() if succeeds(reader) else None


def stop(step: Step) -> None:
    """Stop the daemon, where it was started by ``start``."""
    marker, pid_file = state_folder() / "started-by-us", PID_FILES["dockerd"]
    if not marker.exists() or not running():
        step.note = "not ours, or not running"
        return
    step.run([*as_root("stopping the Docker daemon"), "kill", pid_file.read_text().strip()])
    deadline = time.monotonic() + START_SECONDS
    while running() and time.monotonic() < deadline:
        time.sleep(0.5)
    marker.unlink()
