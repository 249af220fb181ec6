"""Which replicas have the beginning of a prompt in their caches, as far as this gateway sent it there. Pure.

An engine keeps the work on what it has read, and a prompt that begins the same starts behind it: the next turn of a
chat, another question with the same instructions, tools or document. Tokens are not at hand here, texts are.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PIECE_CHARACTERS = 2048
"""Prompts are compared at each message's end and so often within one."""
MOST_PIECES = 256
"""Of one request: half a million characters, about 128,000 tokens. What is beyond is not compared."""
MOST_TEXTS = 1000
"""Of one message or tool: what has more was not written for a model, and would only take time."""
KEPT = 16_384
"""Pieces of one model; at about 400 bytes each, 7 MB. The longest unused go first, as in the engines."""


class Piece(NamedTuple):
    """A prompt up to here."""

    key: int
    """Of all the text up to its end."""
    characters: int


class Prompt(NamedTuple):
    """What is known of one."""

    pieces: tuple[Piece, ...] = ()
    """From the shortest beginning to the whole."""
    chat: int | None = None
    """The same for every turn of a chat, and in every gateway; None: no chat, or nobody has said anything."""
    before: int = 0
    """Characters of the last turn's whole prompt; 0: this is the first turn."""


NO_PROMPT = Prompt()


def read_prompt(request: Mapping[str, Any]) -> Prompt:
    """The prompt of a chat or a completion; empty for what engines keep nothing of."""
    found: list[Piece] = []
    # An adapter's work is of no use to another.
    key, characters = hash(request.get("model")), 0
    begins, chat = crc32(str(request.get("model")).encode(errors="replace")), None
    before = 0
    for part in _parts(request):
        role = part.get("role") if isinstance(part, dict) else None
        before = characters if role == "assistant" else before
        text = "\0".join(islice(_strings(part), MOST_TEXTS))[: MOST_PIECES * PIECE_CHARACTERS]
        for start in range(0, len(text), PIECE_CHARACTERS):
            piece = text[start : start + PIECE_CHARACTERS]
            key, characters = hash((key, piece)), characters + len(piece)
            found.append(Piece(key, characters))
        if chat is None:
            begins = crc32(text.encode(errors="replace"), begins)
            chat = begins if role == "user" else None
        if len(found) >= MOST_PIECES:
            break
    return Prompt(tuple(found[:MOST_PIECES]), chat, before)


class Prefixes:
    """What the replicas of one model have read."""

    def __init__(self) -> None:
        self._holders: OrderedDict[int, list[str]] = OrderedDict()

    def find(self, prompt: Prompt) -> dict[str, int]:
        """Characters from the prompt's beginning by the address of each replica that has any."""
        found: dict[str, int] = {}
        for key, characters in prompt.pieces:
            holders = self._holders.get(key)
            if holders is None:
                break
            for address in holders:
                found[address] = characters
        return found

    def note(self, prompt: Prompt, address: str) -> None:
        """A replica is being sent the prompt."""
        # The shortest last: it serves most, and nothing is found behind one that is gone.
        for key, _ in reversed(prompt.pieces):
            holders = self._holders.setdefault(key, [])
            if address not in holders:
                holders.append(address)
            self._holders.move_to_end(key)
        while len(self._holders) > KEPT:
            self._holders.popitem(last=False)

    def keep(self, addresses: Iterable[str]) -> None:
        """Forget all replicas but these."""
        stay = set(addresses)
        for key, holders in list(self._holders.items()):
            left = [address for address in holders if address in stay]
            if left:
                self._holders[key] = left
            else:
                del self._holders[key]


def _parts(request: Mapping[str, Any]) -> Sequence[Any]:
    """In the order in which Qwen3's chat template writes them."""
    tools, messages = request.get("tools"), request.get("messages")
    if isinstance(messages, list):
        return [*(tools if isinstance(tools, list) else ()), *messages]
    return (request.get("prompt"),)


def _strings(value: Any) -> Iterator[str]:
    """All texts within a JSON value, in order, however deep it is."""
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            rest.extend(reversed(one.values()))
        elif isinstance(one, list):
            rest.extend(reversed(one))
