"""Architectures by their several names. Pure."""

from __future__ import annotations

_NAMES = {"arm64": "aarch64", "amd64": "x86_64", "x86-64": "x86_64"}
_ELF = b"\x7fELF"
_ELF_MACHINES = {62: "x86_64", 183: "aarch64"}
"""``e_machine`` of elf(5)."""
ELF_HEADER = 20
"""Bytes of an ELF file up to and with ``e_machine``."""


def named(machine: str) -> str:
    """As ``uname -m`` has it."""
    return _NAMES.get(machine.lower(), machine.lower())


def of_program(head: bytes) -> str | None:
    """What a program was built for, by its first bytes; None for scripts and other architectures."""
    if len(head) < ELF_HEADER or not head.startswith(_ELF):
        return None
    return _ELF_MACHINES.get(int.from_bytes(head[18:20], "little"))
