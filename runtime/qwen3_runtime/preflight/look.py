"""One look at a pod's devices: the edge of the pre-flight. Whatever cannot be read is left out."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qwen3_runtime.preflight import versions
from qwen3_runtime.preflight.found import Found
from qwen3_runtime.preflight.sockets import network
from qwen3_runtime.preflight.tool import with_chips

if TYPE_CHECKING:
    from qwen3_runtime.config import Group
    from qwen3_runtime.preflight.places import Places

_DEVICE = re.compile(r"v?davinci\d+")
_CANN_VARIABLES = ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH")
_CANN_FOLDERS = ("usr/local/Ascend/cann", "usr/local/Ascend/ascend-toolkit/latest")
"""From CANN 8.5 on, and before."""


class _Cann(NamedTuple):
    version: str | None = None
    machine: str | None = None


def look(places: Places, group: Group | None) -> Found:
    """What is there. Takes a second or two, or as often npu-smi's limit as that hangs."""
    devices, machine = _devices(places.root), os.uname().machine
    cann = _cann(places, machine)
    found = Found(
        devices=devices,
        closed=_closed(places.root, devices or ()),
        driver=versions.parse_pairs(_text(places.driver / "version.info")).get("Version"),
        cann=cann.version,
        cann_machine=cann.machine,
        machine=machine,
        network=network(places.environment, group) if group is not None else None,
    )
    return with_chips(places, found)


def _devices(root: Path) -> tuple[str, ...] | None:
    try:
        names = [entry.name for entry in (root / "dev").iterdir()]
    except OSError:
        return None
    return tuple(sorted(filter(_DEVICE.fullmatch, names), key=lambda name: (len(name), name)))


def _closed(root: Path, devices: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in devices if not os.access(root / "dev" / name, os.R_OK | os.W_OK))


def _cann(places: Places, machine: str) -> _Cann:
    named = [Path(value) for name in _CANN_VARIABLES if (value := places.environment.get(name))]
    for home in (*named, *(places.root / folder for folder in _CANN_FOLDERS)):
        # A toolkit may be there for several architectures; the own one counts.
        installed = sorted(
            home.glob("*-linux/ascend_toolkit_install.info"), key=lambda path: path.parent.name != f"{machine}-linux"
        )
        if installed and (pairs := versions.parse_pairs(_text(installed[0]))):
            return _Cann(pairs.get("version"), pairs.get("arch"))
        if version := versions.parse_cfg(_text(home / "version.cfg")):
            return _Cann(version)
    return _Cann()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
