"""However the engine's bytes are cut on their way, a client gets whole events and so whole characters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_runtime.server.answer import STREAM_END, Answer
from qwen3_runtime.server.traffic import InterruptedRequestError

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

    answer = Answer(send, close=False)
    await answer.stream(cast("Connection", Cut(pieces)), [], hide_usage=bool(hide), marks_end=True)
    assert b"".join(sent) == stream
    for piece in sent:
        piece.decode()
        assert not piece or piece.endswith(b"\n\n")


FIRST = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
LAST = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


async def test_an_end_that_the_engine_does_not_mark_is_marked() -> None:
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    await Answer(send, close=False).stream(cast("Connection", Cut([FIRST, LAST])), [], hide_usage=True, marks_end=False)
    assert b"".join(sent) == FIRST + LAST + STREAM_END


@pytest.mark.parametrize("pieces", [[FIRST], [], [LAST[:-1]], [FIRST, b'data: {"error": "it broke"}\n\n']])
async def test_without_a_finish_reason_it_is_no_end(pieces: list[bytes]) -> None:
    async def send(message: Any) -> None:
        assert STREAM_END not in message.get("body", b"")

    answer = Answer(send, close=False)
    with pytest.raises(InterruptedRequestError):
        await answer.stream(cast("Connection", Cut(pieces)), [], hide_usage=True, marks_end=False)
