"""Requests that no client would send, as bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st
from typing_extensions import override

from tests.gateway.processes import MODEL, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FIELDS = (
    *("messages", "input", "prompt", "query", "documents", "stream", "stream_options", "max_tokens", "n", "user"),
    *("max_completion_tokens", "max_output_tokens", "temperature", "top_p", "stop", "stop_sequences", "tools"),
    *("tool_choice", "system", "thinking", "output_config", "metadata", "options", "think", "format", "images"),
    *("instructions", "reasoning", "text", "include", "truncation", "chat_template_kwargs", "enable_thinking"),
    *("thinking_budget", "reasoning_effort", "continue_final_message", "response_format", "logprobs", "raw", "suffix"),
    *("previous_response_id", "container", "encoding_format", "model", "rid", "priority"),
)
"""All that any path reads, and a few that are refused."""
_KEYS = st.text(max_size=3) | st.sampled_from(
    [
        *(
            "role",
            "content",
            "type",
            "text",
            "image_url",
            "url",
            "source",
            "name",
            "function",
            "arguments",
            "id",
            "data",
        ),
        *("tool_calls", "tool_use_id", "media_type", "input", "effort", "format", "schema", "num_predict", "stop"),
        *("user_id", "include_usage", "call_id", "output", "budget_tokens", "json_schema"),
    ]
)
_WORDS = st.sampled_from(
    [
        *("system", "user", "assistant", "tool", "text", "image", "image_url", "tool_use", "tool_result", "thinking"),
        *("document", "base64", "url", "message", "function", "function_call", "function_call_output", "reasoning"),
        *("input_text", "json_schema", "json", "auto", "none", "enabled", "data:,", "{"),
    ]
)
_PLAIN = st.none() | st.booleans() | st.integers(-2, 40) | st.floats(-1, 2) | st.text(max_size=5) | _WORDS
_VALUES = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=10
)
_MESSAGES = st.lists(st.fixed_dictionaries({"role": _WORDS, "content": _VALUES}), min_size=1, max_size=3)
_ODD = st.sampled_from(
    [
        *("NaN", "-Infinity", "1e999", "1e-999", "-0", "9" * 20, "9" * 4300, "9" * 4301, "1.0", "01", "+1", "0x1"),
        *('"\\ud800"', '"\\u0000"', '"\\x"', "'x'", "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "", "]"),
        '"' + "x" * 5000 + '"',
    ]
)
_VALUE_TEXTS = st.one_of(_VALUES.map(json.dumps), _MESSAGES.map(json.dumps), _ODD)


def _object(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"


def _model_first(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("model", json.dumps(MODEL)), ("messages", '[{"role":"user","content":"x"}]'), *pairs]


_OBJECTS = st.lists(st.tuples(st.sampled_from(FIELDS), _VALUE_TEXTS), max_size=6).map(_model_first).map(_object)
"""Later ones of a name win, so that messages are often what was drawn for them."""
_ENCODINGS = st.sampled_from(["utf-8"] * 6 + ["utf-16", "utf-8-sig"])


@st.composite
def _broken(draw: st.DrawFn) -> bytes:
    body = bytearray(draw(_OBJECTS).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(1, 3))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body)


BODIES = st.one_of(
    st.builds(lambda text, encoding: text.encode(encoding, "surrogatepass"), _OBJECTS, _ENCODINGS),
    _broken(),
    st.binary(max_size=64),
)


class Framed(NamedTuple):
    """How a body is announced and what follows the head."""

    headers: bytes
    rest: bytes


def plain(body: bytes) -> Framed:
    """With its length."""
    return Framed(b"content-length: %d\r\n" % len(body), body)


def _chunked(body: bytes, size: int, extension: bytes, trailer: bytes) -> Framed:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%X%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    return Framed(b"Transfer-Encoding: chunked\r\n", chunks + b"00%s\r\n%s\r\n" % (extension, trailer))


def framings(body: bytes) -> st.SearchStrategy[Framed]:
    """Right, odd and wrong ways to send a body; none leaves the server waiting for more."""
    odd = st.builds(
        _chunked,
        st.just(body),
        st.integers(1, 64).map(lambda size: size if len(body) < 1000 else 7919),
        st.sampled_from([b"", b";a", b';a="b;c"', b";" + b"x" * 300]),
        st.sampled_from([b"", b"x-api-key: other\r\n", b"content-length: 3\r\n"]),
    )
    length = b"content-length: %d\r\n" % len(body)
    wrong = st.sampled_from(
        [
            Framed(length + length.replace(b": ", b": 1"), body),
            Framed(length + b"transfer-encoding: chunked\r\n", b"0\r\n\r\n"),
            Framed(b"transfer-encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
            Framed(b"transfer-encoding: chunked\r\n", b"-1\r\n\r\n"),
            Framed(b"transfer-encoding: chunked\r\n", b"fffffffffffffffff\r\n"),
            Framed(b"transfer-encoding: chunked\r\n", b"3\r\nabcde\r\n"),
            Framed(b"content-length: -1\r\n", body),
            Framed(b"content-length: 0\r\n", body),
        ]
    )
    return st.just(plain(body)) | odd | wrong


_NAMES = st.sampled_from(
    b"x-request-id traceparent content-type accept expect cookie x-forwarded-for authorization host connection te "
    b"upgrade range content-encoding x-override-rid x-http-method-override".split()
)
_HEADERS = st.lists(
    st.tuples(_NAMES, st.binary(max_size=30) | st.sampled_from([b"100-continue", b"gzip", b"websocket", b"close"])),
    max_size=4,
).map(lambda pairs: b"".join(b"%s: %s\r\n" % pair for pair in pairs))
_SPELLINGS: st.SearchStrategy[Callable[[bytes], bytes]] = st.sampled_from(
    [
        *[lambda path: path] * 12,
        lambda path: b"/" + path,
        lambda path: path + b"/",
        lambda path: path.replace(b"v1", b"%76%31"),
        lambda path: path + b"?key=" + key_of("a").encode(),
        lambda path: path + b"#x",
        lambda path: b"/x/.." + path,
        lambda path: b"http://elsewhere" + path,
        lambda path: path.replace(b"/", b"\\"),
        lambda path: path + b"%00%ff%zz",
        lambda path: path + b"\xff",
    ]
)
_METHODS = st.sampled_from([*[b"POST"] * 12, b"GET", b"HEAD", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"post", b"X"])


class Request(bytes):
    """Shown by its beginning."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"{bytes(self[:3000])!r} (of {len(self)} bytes)"


@st.composite
def requests(draw: st.DrawFn, paths: tuple[str, ...]) -> Request:
    """One request that ends its connection."""
    framed = draw(framings(draw(BODIES)))
    target = draw(_SPELLINGS)(draw(st.sampled_from(paths)).encode())
    key = draw(st.sampled_from([key_of("a").encode()] * 9 + [b"wrong", b"\xff", b""]))
    head = b"%s %s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n" % (draw(_METHODS), target, key)
    return Request(head + draw(_HEADERS) + b"connection: close\r\n" + framed.headers + b"\r\n" + framed.rest)
