"""Names of Ascend chips, and the extended resources that hand them out. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAKER = "huawei.com/"
_BRAND = "Ascend"
_A3 = "910"
"""What A3 chips are called: the brand's number and, where the board was asked, one of the chip after an underscore."""
_FAMILIES = {"910": ("910",), "310P": ("310P",), "npu": ("950",)}
"""Beginnings of the chips' names by resources of Ascend/mind-cluster: A2 and A3, 300I, Atlas 350 and 850."""


_NAME = re.compile(r"(310|910|950)[\w-]*")


def is_name(name: str) -> bool:
    """Whether it looks like the name of an Ascend chip at all; anything else says nothing of the chip."""
    return _NAME.fullmatch(_plain(name)) is not None


def is_one_of(name: str, known: Iterable[str]) -> bool:
    """Whether a chip has one of these names; ``Ascend910_9392`` is one of ``Ascend910``."""
    plain = _plain(name)
    return any(plain == other or plain.startswith(f"{other}_") for other in map(_plain, known))


def hands_out(resource: str, name: str) -> bool | None:
    """Whether a device plugin gives this chip out under that resource. None: the resource or the name is not known.

    Project-HAMi/ascend-device-plugin has a resource for each chip; its ``Ascend910C`` is A3.
    """
    kind = _plain(resource.removeprefix(_MAKER))
    if not resource.startswith(_MAKER) or not is_name(name):
        return None
    if kind in _FAMILIES:
        return _plain(name).startswith(_FAMILIES[kind])
    return is_one_of(name, (kind, _A3) if kind == "910C" else (kind,))


def _plain(name: str) -> str:
    """Without the brand."""
    return name.replace(" ", "").removeprefix(_BRAND)
