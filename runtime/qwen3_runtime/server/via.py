"""By which way a request came to the pod. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.server.asgi import Header

GATEWAY_HEADER: Header = (b"x-qwen3-via", b"gateway")
"""What the gateway sends along, so that nobody counts its requests twice. Nothing is granted for it."""


class Via(StrEnum):
    """The last step before the pod."""

    GATEWAY = "gateway"
    """It counted the request when it arrived there."""
    DIRECT = "direct"
    """The pod's Service."""


def via(headers: Iterable[Header]) -> Via:
    """The way of a request with these headers."""
    return Via.GATEWAY if GATEWAY_HEADER in headers else Via.DIRECT
