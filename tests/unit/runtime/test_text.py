"""However the engine's bytes are cut on their way, a client gets whole events and so whole characters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from hypothesis import given
from hypothesis import strategies as st

from qwen3_runtime.server.answer import STREAM_END, Answer

if TYPE_CHECKING:
    from qwen3_runtime.server.connection import Connection

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=6)


class Cut:
    """An answer that arrives in given pieces."""

    status = 200

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    async def readany(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@given(texts=TEXTS, cuts=st.lists(st.integers(0, 400)), ascii_only=st.booleans(), hide=st.booleans())
async def test_every_piece_is_whole(texts: list[str], cuts: list[int], ascii_only: object, hide: object) -> None:
    events = [
        b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=bool(ascii_only)).encode()
        for text in texts
    ]
    stream = b"".join(event + b"\n\n" for event in events) + STREAM_END
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    pieces = [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    await Answer(send, close=False).stream(cast("Connection", Cut(pieces)), [], hide_usage=bool(hide))
    assert b"".join(sent) == stream
    for piece in sent:
        piece.decode()
        assert not piece or piece.endswith(b"\n\n")
