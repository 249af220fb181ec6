"""Buckets that speak S3, through `obstore`.

The client lists and signs; the objects come by GET from the signed address, like the files of every other source.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from qwen3_runtime.sources import Checksums
from qwen3_runtime.weights.fetch.errors import FetchError, TransientError
from qwen3_runtime.weights.fetch.listing import Algorithm, Checksum, Listing, RemoteFile
from qwen3_runtime.weights.fetch.remote import read_secret
from qwen3_runtime.weights.fetch.web import Access, Request, require_success

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import S3Config

    from qwen3_runtime.sources import S3Source
    from qwen3_runtime.weights.fetch.order import Pace

MANIFEST = "SHA256SUMS"
"""Beside the weights, as ``sha256sum`` writes it: digits, two spaces (or a space and ``*``), path."""
_SIGNED_FOR = timedelta(hours=1)
"""Of the request's beginning, not of its end."""
_SHA256_DIGITS = 64
_STATUS = re.compile(r"status code: (\d{3})")
_DETAILS = re.compile(r"\?| in \d")
"""From a query, which may be signed, or the time that a request took: another one at each try."""
_CODE = re.compile(r"<Code>(\w+)</Code>")
"""S3's own word for the error, e.g. ``SignatureDoesNotMatch``."""


class S3:
    """The objects below one prefix."""

    def __init__(self, source: S3Source, pace: Pace) -> None:
        self._source = source
        prefix = source.prefix.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._store = _store(source, pace)
        self.access = Access(source.describe(), source.credentials_folder, noun="key")

    def list_files(self) -> Listing:
        """Every object with the checksum that the manifest gives it."""
        try:
            sizes = self._sizes()
            checksums = self._checksums(known=MANIFEST in sizes)
        except BaseError as error:
            self._fail(error)
        sizes.pop(MANIFEST, None)
        missing = sorted(sizes.keys() - checksums.keys()) if checksums else []
        if missing:
            raise FetchError("ChecksumMissing", f"{MANIFEST} of {self.access.subject} lacks {missing[0]}.")
        files = (RemoteFile(path, size, checksums.get(path)) for path, size in sorted(sizes.items()))
        return Listing("", tuple(files))

    def request(self, file: RemoteFile) -> Request:
        """A signed address; a plain one for an anonymous request."""
        key = self._prefix + file.path
        if self._source.credentials_folder is None:
            base = self._source.endpoint or f"https://s3.{self._source.region}.amazonaws.com"
            return Request(f"{base.rstrip('/')}/{self._source.bucket}/{quote(key)}")
        return Request(obstore.sign(self._store, "GET", key, _SIGNED_FOR))

    def _sizes(self) -> dict[str, int]:
        sizes = {
            entry["path"].removeprefix(self._prefix): entry["size"]
            for page in obstore.list(self._store, prefix=self._prefix or None)
            for entry in page
            if not entry["path"].endswith("/")
        }
        if not sizes:
            raise FetchError("SourceNotFound", f"{self.access.subject} holds no objects.")
        return sizes

    def _checksums(self, *, known: bool) -> Mapping[str, Checksum]:
        if known:
            text = bytes(obstore.get(self._store, self._prefix + MANIFEST).bytes())
            return parse_manifest(text.decode(errors="replace"), self.access.subject)
        if self._source.checksums is Checksums.REQUIRED:
            raise FetchError(
                "ChecksumMissing",
                f"{self.access.subject} has no {MANIFEST}: make it with sha256sum, or set checksums: WhenPresent.",
            )
        return {}

    def _fail(self, error: BaseError) -> NoReturn:
        """For a refused listing obstore has no exceptions of its own: the status only stands in the text."""
        text = str(error)
        status = _STATUS.search(text)
        if status is None:
            raise TransientError(f"{self.access.subject} cannot be reached ({_DETAILS.split(text)[0]})") from error
        code = _CODE.search(text)
        require_success(int(status[1]), None, self.access, code[1] if code else "")
        raise error


def parse_manifest(text: str, subject: str) -> dict[str, Checksum]:
    """Checksums by path.

    Raises:
        FetchError: a line is not what ``sha256sum`` writes.
    """
    checksums: dict[str, Checksum] = {}
    for line in filter(str.strip, text.splitlines()):
        value, _, path = line.partition(" ")
        path = path.lstrip(" *").removeprefix("./")
        if len(value) != _SHA256_DIGITS or set(value.lower()) - set("0123456789abcdef") or not path:
            raise FetchError("ChecksumMissing", f"{MANIFEST} of {subject} has a line that is none: {line[:80]!r}.")
        checksums[path] = Checksum(Algorithm.SHA256, value.lower())
    return checksums


def _store(source: S3Source, pace: Pace) -> S3Store:
    timeout = timedelta(seconds=pace.stall_seconds)
    config: S3Config = {"region": source.region, "virtual_hosted_style_request": False}
    if source.endpoint:
        config["endpoint"] = source.endpoint
    if source.credentials_folder:
        config.update(_credentials(Path(source.credentials_folder)))
    else:
        config["skip_signature"] = True
    return S3Store(
        source.bucket,
        config=config,
        client_options={"allow_http": True, "timeout": timeout, "connect_timeout": timeout},
        retry_config={"max_retries": 0},
    )


def _credentials(folder: Path) -> S3Config:
    credentials: S3Config = {
        "access_key_id": read_secret(str(folder / "access-key-id")),
        "secret_access_key": read_secret(str(folder / "secret-access-key")),
    }
    if (folder / "session-token").is_file():
        credentials["session_token"] = read_secret(str(folder / "session-token"))
    return credentials
