"""Images, video and audio in a request: only inside it, never an address or a path for the engine to open. Pure.

The engine fetches ``http`` addresses and reads ``file`` paths that a client names (sglang 0.5.23 utils/common.py,
load_image): from inside the cluster, with the pod's rights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MEDIA = ("image_url", "video_url", "audio_url", "image", "video")
"""Fields of a content part; the last two are those of embedding inputs."""
_INSIDE = "data:"


def inside_media(request: Mapping[str, Any]) -> Iterator[str]:
    """Media that the request carries itself, in the fields alone in which an engine reads media."""
    for content in _contents(request):
        for part in content:
            for _, address in _addresses(part) if isinstance(part, dict) else ():
                if isinstance(address, str) and address.startswith(_INSIDE):
                    yield address


def outside_media(request: Mapping[str, Any]) -> str | None:
    """Name of the first field that names media outside the request, or None."""
    for content in _contents(request):
        for part in content:
            if isinstance(part, dict) and (name := _outside(part)):
                return name
    return None


def _contents(request: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Lists of content parts: of chat messages, of embedding inputs, of a rerank query and its documents."""
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and isinstance(message.get("content"), list):
            yield message["content"]
    for name in ("input", "query", "documents"):
        value = request.get(name)
        if isinstance(value, list):
            yield value
            yield from (inner for inner in value if isinstance(inner, list))


def _outside(part: Mapping[str, Any]) -> str | None:
    for name, address in _addresses(part):
        if not (isinstance(address, str) and address.startswith(_INSIDE)):
            return name
    return None


def _addresses(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Field and value of each medium."""
    for name in _MEDIA:
        value = part.get(name)
        address = value["url"] if isinstance(value, dict) and "url" in value else value
        if address is not None:
            yield name, address
