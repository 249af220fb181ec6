"""A stand-in for a replica that speaks the engine's API over real sockets and keeps exact totals.

``python -m tests.gateway.stub [PORT]`` prints ``listening PORT``. What a request wants is said in its field ``user``,
which no engine reads: ``{"first": seconds, "token": seconds, "last": seconds, "die_after": tokens, "status": code}`` as
JSON, seconds before the first token, before each, and before the end of a stream;
``{"echo": true}`` gets the request itself as the answer, ``{"headers": true}`` its headers, ``{"say": "..."}`` this,
and ``{"thought": "...", "tool": {...}}`` an answer with both; what a tool said is not answered by calling it again.
Where a request has no such field, the last message's text is looked at.
``GET /totals`` tells what was asked and generated so far.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any, cast

import httptools
import uvloop
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

BYTES_PER_TOKEN = 4.4
WORD = "word "
MOST_TOKENS = 1_000_000
WRONG_FORM = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a request of another form raises. An engine says 400 to it."""


class Totals:
    """What this replica has done."""

    def __init__(self) -> None:
        self.requests = self.prompt = self.thinking = self.answer = 0
        self.in_flight = self.most_in_flight = 0
        self.arrivals: list[tuple[str, float]] = []
        self.emitted: list[tuple[float, int]] = []

    def enter(self, prompt: int, who: str) -> None:
        self.requests += 1
        self.prompt += prompt
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.arrivals.append((who, asyncio.get_running_loop().time()))

    def render(self) -> bytes:
        return json.dumps(vars(self)).encode()


class Replica(asyncio.Protocol):
    """One connection."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._url = b""
        self._body: list[bytes] = []
        self._headers: dict[str, str] = {}

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    def on_url(self, url: bytes) -> None:
        self._url, self._body, self._headers = url, [], {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._url == b"/totals":
            self._whole(200, self._totals.render())
            return
        if self._url.startswith(b"/v1/models"):
            model = {"id": "qwen3-stub", "object": "model"}
            answer: Any = {"object": "list", "data": [model]} if self._url == b"/v1/models" else model
            self._whole(200, json.dumps(answer).encode())
            return
        if self._parser.get_method() == b"GET":
            # Of its health and its model, before a router sends it anything.
            self._whole(200, b"{}")
            return
        try:
            self._begin(b"".join(self._body))
        except WRONG_FORM as error:
            self._refuse(error)

    def _begin(self, body: bytes) -> None:
        if self._url == b"/v1/tokenize":
            self._tokenize(json.loads(body))
            return
        request = json.loads(body)
        wish = _wish(request)
        prompt = math.ceil(len(body) / BYTES_PER_TOKEN)
        if not wish and not request.get("stream"):
            # The way that is timed: no task, no waiting.
            self._totals.enter(prompt, request.get("model", ""))
            try:
                self._answer(request, wish, prompt)
            finally:
                self._totals.in_flight -= 1
            return
        self._task = asyncio.create_task(self._work(request, wish, prompt))

    def _refuse(self, error: Exception) -> None:
        self._whole(400, json.dumps({"error": {"message": f"The engine cannot read it: {error!r}"}}).encode())

    def _tokenize(self, request: dict[str, Any]) -> None:
        """As SGLang tells it. A word is a token here; a request with a wish is refused."""
        if _wish(request):
            self._whole(404, b'{"error": {"message": "as an engine that does not count"}}')
            return
        count = sum(len(message["content"].split()) for message in request["messages"])
        self._whole(200, json.dumps({"tokens": [1] * count, "count": count, "max_model_len": 9}).encode())

    async def _work(self, request: dict[str, Any], wish: dict[str, Any], prompt: int) -> None:
        if "status" in wish:
            self._whole(wish["status"], b'{"error": {"message": "as you wished"}}')
            return
        self._totals.enter(prompt, wish.get("who", ""))
        try:
            await asyncio.sleep(wish.get("first", 0))
            if request.get("stream"):
                await self._stream(request, wish, prompt)
            else:
                await asyncio.sleep(wish.get("token", 0) * _tokens(request))
                if "die_after" in wish:
                    os._exit(9)
                self._answer(request, wish, prompt)
        except WRONG_FORM as error:
            self._refuse(error)
        finally:
            self._totals.in_flight -= 1

    def _answer(self, request: dict[str, Any], wish: dict[str, Any], prompt: int) -> None:
        model = request.get("model")
        if "input" in request:
            usage = {"prompt_tokens": prompt, "completion_tokens": 0, "total_tokens": prompt}
            answer: Any = {"object": "list", "model": model, "data": [{"embedding": [0.5, 0.25]}], "usage": usage}
        elif "documents" in request:
            answer = [{"score": 0.5, "index": 0, "meta_info": {"prompt_tokens": prompt}}]
        else:
            tokens = _tokens(request)
            self._generated(tokens)
            text = json.dumps(self._headers) if "headers" in wish else "".join(_words(request, wish, tokens))
            message: dict[str, Any] = {"role": "assistant", "content": text}
            message |= {"reasoning_content": wish.get("thought"), "tool_calls": _tool_calls(wish)}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if "tool" in wish else "length"}
            answer = {"id": "c", "object": "chat.completion", "created": 0, "model": model, "choices": [choice]}
            answer["usage"] = _usage(prompt, tokens)
        self._whole(200, json.dumps(answer, separators=(",", ":")).encode())

    async def _stream(self, request: dict[str, Any], wish: dict[str, Any], prompt: int) -> None:
        tokens = _tokens(request)
        options = request.get("stream_options") or {}
        include_usage = options.get("include_usage")
        self._write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        head = '{"id":"c","object":"chat.completion.chunk","created":0,"model":' + json.dumps(request.get("model"))
        if "thought" in wish:
            delta = json.dumps({"reasoning_content": wish["thought"]})
            self._event(f'{head},"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}],"usage":null}}')
        words = _words(request, wish, tokens)
        async for number in _paced(len(words), wish.get("token", 0)):
            if number == wish.get("die_after"):
                os._exit(9)
            delta = json.dumps({"content": words[number]})
            self._event(f'{head},"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}],"usage":null}}')
            self._generated(1)
        await asyncio.sleep(wish.get("last", 0))
        for delta in _tool_deltas(wish):
            self._event(f'{head},"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}],"usage":null}}')
        reason = "tool_calls" if "tool" in wish else "length"
        self._event(f'{head},"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}],"usage":null}}')
        if include_usage:
            self._event(f'{head},"choices":[],"usage":{json.dumps(_usage(prompt, tokens), separators=(",", ":"))}}}')
        self._event("[DONE]")
        self._write(b"0\r\n\r\n")

    def _generated(self, tokens: int) -> None:
        self._totals.answer += tokens
        self._totals.emitted.append((asyncio.get_running_loop().time(), tokens))

    def _event(self, data: str) -> None:
        event = b"data: " + data.encode() + b"\n\n"
        self._write(b"%x\r\n%s\r\n" % (len(event), event))

    def _whole(self, status: int, body: bytes) -> None:
        self._write(
            b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (status, len(body), body)
        )

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def _paced(tokens: int, seconds: float) -> AsyncIterator[int]:
    for number in range(tokens):
        if seconds:
            await asyncio.sleep(seconds)
        yield number


def _wish(request: dict[str, Any]) -> dict[str, Any]:
    messages = request.get("messages") or [{}]
    for text in (request.get("user"), messages[-1].get("content")):
        if isinstance(text, str) and text.startswith("{"):
            wish: dict[str, Any] = json.loads(text)
            if messages[-1].get("role") == "tool":
                wish.pop("tool", None)
            return wish
    return {}


def _words(request: dict[str, Any], wish: dict[str, Any], tokens: int) -> list[str]:
    """The answer, as it is streamed."""
    if "echo" in wish:
        return [json.dumps(request)]
    return [wish["say"]] if "say" in wish else [WORD] * tokens


def _tool_calls(wish: dict[str, Any]) -> list[dict[str, Any]] | None:
    if "tool" not in wish:
        return None
    function = {"name": wish["tool"]["name"], "arguments": json.dumps(wish["tool"]["arguments"])}
    return [{"id": "call_x", "index": 0, "type": "function", "function": function}]


def _tool_deltas(wish: dict[str, Any]) -> Iterator[str]:
    """The call as engines stream it: its name, then its arguments in pieces."""
    for call in _tool_calls(wish) or ():
        text = call["function"]["arguments"]
        yield json.dumps({"tool_calls": [call | {"function": call["function"] | {"arguments": ""}}]})
        for piece in (text[:4], text[4:]):
            yield json.dumps({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})


def _tokens(request: dict[str, Any]) -> int:
    tokens = int(request.get("max_completion_tokens") or request.get("max_tokens") or 8)
    if not 0 < tokens <= MOST_TOKENS:
        raise ValueError(f"no answer has {tokens} tokens")
    return tokens


def _usage(prompt: int, tokens: int) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "total_tokens": prompt + tokens, "completion_tokens": tokens}


async def main(port: int) -> None:
    totals = Totals()
    server = await asyncio.get_running_loop().create_server(lambda: Replica(totals), "127.0.0.1", port)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
