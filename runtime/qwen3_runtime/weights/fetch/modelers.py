"""Modelers, by the HTTP API that its own client uses.

``GET /api/v1/file/{id}?ref=&path=`` lists one folder with ``etag`` (SHA-256 of an LFS object, else the git blob's
SHA-1), ``GET /api/v1/file/{id}/{revision}/media/{path}`` answers with a file (openmind-hub 1.3.0, ``om_api.py`` and
``file_download.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.listing import Listing, RemoteFile, git_checksum
from qwen3_runtime.weights.fetch.remote import bearer
from qwen3_runtime.weights.fetch.web import Access, Request, get_json

if TYPE_CHECKING:
    import httpx2

    from qwen3_runtime.sources import HubSource

ENDPOINT = "https://modelers.cn"
MAIN_REVISION = "main"
_FOLDER_KEYS = frozenset({"type", "path"})
_FILE_KEYS = frozenset({"size", "etag"})


class Modelers:
    """One revision. Checksums fix the content: a branch that moves meanwhile is noticed."""

    def __init__(self, source: HubSource, client: httpx2.Client) -> None:
        self._source = source
        self._client = client
        endpoint = (source.endpoint or ENDPOINT).rstrip("/")
        self._files = f"{endpoint}/api/v1/file/{quote(source.repository)}"
        self._revision = source.revision or MAIN_REVISION
        self.access = Access(source.describe(), source.token_file, f"{endpoint}/models/{source.repository}")

    def list_files(self) -> Listing:
        """Every file, folder by folder: the API lists one at a time."""
        files: list[RemoteFile] = []
        folders = [""]
        seen = set(folders)
        while folders:
            for entry in self._folder(folders.pop()):
                path = str(entry["path"])
                if entry["type"] != "dir":
                    files.append(RemoteFile(path, int(entry["size"]), git_checksum(str(entry["etag"]))))
                elif path not in seen:
                    seen.add(path)
                    folders.append(path)
        return Listing(self._revision, tuple(files))

    def request(self, file: RemoteFile) -> Request:
        """Address of one file."""
        return Request(
            f"{self._files}/{quote(self._revision, safe='')}/media/{quote(file.path)}", bearer(self._source.token_file)
        )

    def _folder(self, path: str) -> list[dict[str, Any]]:
        request = Request(self._files, bearer(self._source.token_file))
        answer = get_json(self._client, request, {"ref": self._revision, "path": path}, self.access)
        try:
            entries: list[dict[str, Any]] = answer["data"]["tree"]
        except (KeyError, TypeError) as error:
            raise FetchError("SourceRefuses", f"{self.access.subject} lists no files.") from error
        for entry in entries:
            if not entry.keys() >= _FOLDER_KEYS or (entry["type"] != "dir" and not entry.keys() >= _FILE_KEYS):
                raise FetchError("SourceRefuses", f"{self.access.subject} lists an entry without size or checksum.")
        return entries
