"""What every kind of source can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from qwen3_runtime.weights.fetch.errors import FetchError

if TYPE_CHECKING:
    from qwen3_runtime.weights.fetch.listing import Listing, RemoteFile
    from qwen3_runtime.weights.fetch.web import Access, Request


class Remote(Protocol):
    """One source; used by several threads at once after `list_files` returned."""

    @property
    def access(self) -> Access:
        """For sentences about a refusal."""

    def list_files(self) -> Listing:
        """Every file of the source with its checksum.

        Raises:
            FetchError: refused, or the answer makes no sense.
            TransientError: refused for now.
        """

    def request(self, file: RemoteFile) -> Request:
        """The GET that answers with a file's content; made anew for every attempt."""


def read_secret(path: str) -> str:
    """Content of one file of a mounted Secret.

    Raises:
        FetchError: it is not there, empty or no text; its content is not quoted.
    """
    try:
        text = Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise FetchError("TokenUnreadable", f"{path} cannot be read: {why}.") from error
    if not text or any(character.isspace() for character in text):
        raise FetchError("TokenUnreadable", f"{path} does not hold one token.")
    return text


def bearer(token_file: str | None) -> dict[str, str]:
    """Header for a token, or none."""
    return {"Authorization": f"Bearer {read_secret(token_file)}"} if token_file else {}
