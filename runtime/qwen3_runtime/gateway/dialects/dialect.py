"""What a foreign API needs so that the gateway can speak it. Pure."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from qwen3_runtime.gateway.errors import REPLICAS_FAILED
from qwen3_runtime.server.errors import ErrorAnswer, invalid
from qwen3_runtime.server.traffic import InterruptedRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qwen3_runtime.tenancy import Route

JSON = dict[str, Any]
_DATA = b"data:"
_DONE = b"[DONE]"
_REFUSED = 400
_WRONG_FORM = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading JSON of another form than expected raises, and writing it a few levels deeper than it came."""


class UntranslatableError(Exception):
    """A request that has no meaning in the chat API; the text is a sentence for its sender."""


class Stream(Protocol):
    """One answer that comes in pieces."""

    def feed(self, chunk: JSON) -> bytes:
        """What a chunk of the chat API is in the dialect; empty while there is nothing to tell."""
        ...

    def end(self) -> bytes:
        """What follows the last chunk."""
        ...


class Dialect(Protocol):
    """One foreign path. It keeps nothing between requests."""

    stream_type: bytes
    """Content type of its streams."""
    comment: bytes
    """Shows a client that waits for a stream that it is not forgotten; empty: the format has nothing for it."""

    def chat(self, request: JSON, route: Route) -> JSON:
        """The request for /v1/chat/completions, without ``model``.

        Raises:
            UntranslatableError: it cannot be carried out.
        """
        ...

    def own(self, request: JSON) -> JSON | None:
        """The answer to a request that asks nothing of the model; None: it is for a replica."""
        ...

    def answer(self, completion: JSON) -> JSON:
        """The answer in one piece."""
        ...

    def stream(self) -> Stream:
        """An answer in pieces."""
        ...

    def error(self, error: ErrorAnswer) -> bytes:
        """A refusal or failure as the whole answer."""
        ...

    def error_event(self, error: ErrorAnswer) -> bytes:
        """The same inside a stream."""
        ...


def translate(dialect: Dialect, request: JSON, route: Route) -> bytes:
    """Body for /v1/chat/completions.

    Raises:
        InterruptedRequestError: it cannot be carried out, or a field is not what it should be.
    """
    try:
        chat = dialect.chat(request, route)
        if chat.get("stream"):
            chat["stream_options"] = {"include_usage": True}
        given = {name: value for name, value in chat.items() if value is not None}
        return json.dumps({"model": route.name} | given).encode()
    except UntranslatableError as error:
        raise InterruptedRequestError(invalid("unsupported_parameter", str(error))) from None
    except _WRONG_FORM as error:
        # Every field has a shape; which one has not shows in the error's own words.
        message = f"A field of the request has not its documented form: {error!r}."
        raise InterruptedRequestError(invalid("invalid_request", message)) from None


def whole(dialect: Dialect, status: int, body: bytes) -> bytes:
    """A replica's answer in one piece, refusals among them.

    Raises:
        InterruptedRequestError: it is none.
    """
    if status >= _REFUSED:
        return dialect.error(ErrorAnswer(status, "", message_of(body)))
    with _understood():
        return json.dumps(dialect.answer(_with_thoughts(json.loads(body)))).encode()


def message_of(body: bytes) -> str:
    """The sentence in an error of the chat API, in OpenAI's form or SGLang's own."""
    try:
        error = json.loads(body)
        inner = error.get("error", error)
        return str(inner["message"] if isinstance(inner, dict) else inner)
    except (ValueError, KeyError, AttributeError):
        return "The model refused this request."


def relayed(dialect: Dialect, stream: Stream, events: bytes) -> bytes:
    """What whole server-sent events of the chat API are in the dialect.

    Raises:
        InterruptedRequestError: they are none.
    """
    with _understood():
        return b"".join(_one(dialect, stream, data) for data in _data(events))


@contextmanager
def _understood() -> Iterator[None]:
    """A replica that answers in no form of the chat API has failed."""
    try:
        yield
    except _WRONG_FORM:
        raise InterruptedRequestError(REPLICAS_FAILED) from None


def _one(dialect: Dialect, stream: Stream, data: bytes) -> bytes:
    if data == _DONE:
        return stream.end()
    chunk = json.loads(data)
    if "error" in chunk:
        return dialect.error_event(ErrorAnswer(500, "", message_of(data)))
    return stream.feed(_with_thoughts(chunk))


def _with_thoughts(answer: JSON) -> JSON:
    """Thoughts under the one name that dialects read: vLLM calls them ``reasoning``."""
    for choice in answer.get("choices") or ():
        said = choice.get("message") or choice.get("delta") or {}
        if thought := said.pop("reasoning", None):
            said.setdefault("reasoning_content", thought)
    return answer


def _data(events: bytes) -> Iterator[bytes]:
    for line in events.splitlines():
        if line.startswith(_DATA):
            yield line[len(_DATA) :].strip()


def choice_of(chunk: Mapping[str, Any]) -> JSON | None:
    """The only choice; None in the last chunk, which has the usage alone."""
    choices = chunk.get("choices")
    return choices[0] if choices else None


def arguments_of(call: Mapping[str, Any]) -> Any:
    """Arguments of a tool call, which the chat API writes as text; text that is no JSON object stays as it is."""
    text = call["function"].get("arguments") or "{}"
    try:
        found = json.loads(text)
    except ValueError:
        return {"arguments": text}
    return found if isinstance(found, dict) else {"arguments": found}
