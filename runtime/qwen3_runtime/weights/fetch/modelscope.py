"""ModelScope, by the HTTP API that its own client uses.

``GET /api/v1/models/{id}/repo/files`` lists with ``Sha256``, ``GET /api/v1/models/{id}/repo?FilePath=`` answers with a
file (modelscope-hub 0.5.1, ``_legacy_api.py``). The client itself is not used: it needs requests, cryptography and
tqdm, and its downloads report neither bytes nor stalls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.listing import Listing, RemoteFile, git_checksum
from qwen3_runtime.weights.fetch.remote import read_secret
from qwen3_runtime.weights.fetch.web import Access, Request, get_json

if TYPE_CHECKING:
    import httpx2

    from qwen3_runtime.sources import HubSource

ENDPOINT = "https://modelscope.cn"
MAIN_REVISION = "master"
LISTING_LIMIT = 3000
"""The server cuts a listing here without a word (modelscope-hub 0.5.1, ``REPO_FILES_TRUNCATION_LIMIT``)."""


class ModelScope:
    """One revision. Checksums fix the content, since a listing names no commit for the whole."""

    def __init__(self, source: HubSource, client: httpx2.Client) -> None:
        self._source = source
        self._client = client
        endpoint = (source.endpoint or ENDPOINT).rstrip("/")
        self._repository = f"{endpoint}/api/v1/models/{quote(source.repository)}/repo"
        self._revision = source.revision or MAIN_REVISION
        self.access = Access(source.describe(), source.token_file, f"{endpoint}/models/{source.repository}")

    def list_files(self) -> Listing:
        """Every file below the repository's root."""
        request = Request(f"{self._repository}/files", self._headers())
        answer = get_json(self._client, request, {"Revision": self._revision, "Recursive": "True"}, self.access)
        try:
            entries = answer["Data"]["Files"]
            files = tuple(self._file(entry) for entry in entries if entry["Type"] != "tree")
        except (KeyError, TypeError, ValueError) as error:
            why = answer.get("Message") if isinstance(answer, dict) else None
            raise FetchError("SourceRefuses", f"{self.access.subject} lists no files: {why or error}.") from error
        if len(entries) >= LISTING_LIMIT:
            raise FetchError("ListingTruncated", f"{self.access.subject} has {LISTING_LIMIT} files or more.")
        return Listing(self._revision, files)

    def request(self, file: RemoteFile) -> Request:
        """Address of one file."""
        query = urlencode({"Revision": self._revision, "FilePath": file.path})
        return Request(f"{self._repository}?{query}", self._headers())

    def _headers(self) -> dict[str, str]:
        """Older paths of the API read the token from a cookie, newer ones from the header."""
        if self._source.token_file is None:
            return {}
        token = read_secret(self._source.token_file)
        return {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"}

    def _file(self, entry: dict[str, Any]) -> RemoteFile:
        if not entry.get("Sha256"):
            raise FetchError("ChecksumMissing", f"{self.access.subject} knows no checksum of {entry['Path']}.")
        return RemoteFile(str(entry["Path"]), int(entry["Size"]), git_checksum(str(entry["Sha256"])))
