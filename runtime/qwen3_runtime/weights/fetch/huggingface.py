"""Hugging Face and its mirrors, through `huggingface_hub`.

The client lists; the files themselves come over plain HTTP from the address that it names, like those of every other
source, so that resuming, stalls and progress work the same everywhere, mirrors without Xet included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from qwen3_runtime.weights.fetch.errors import FetchError
from qwen3_runtime.weights.fetch.listing import Listing, RemoteFile, git_checksum
from qwen3_runtime.weights.fetch.remote import bearer, read_secret
from qwen3_runtime.weights.fetch.web import Access, Request, connection_failure, require_answer

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

    from qwen3_runtime.sources import HubSource
    from qwen3_runtime.weights.fetch.order import Pace


class HuggingFace:
    """One revision; the commit is fixed when it is listed."""

    def __init__(self, source: HubSource, pace: Pace) -> None:
        self._source = source
        self._pace = pace
        self._endpoint = (source.endpoint or constants.ENDPOINT).rstrip("/")
        self._commit = ""
        self.access = Access(source.describe(), source.token_file, f"{self._endpoint}/{source.repository}")

    def list_files(self) -> Listing:
        """Files of the commit that the revision means now."""
        info = self._model_info()
        if not info.sha or info.siblings is None:
            raise FetchError("SourceRefuses", f"{self.access.subject} answers without a commit or files.")
        self._commit = info.sha
        return Listing(info.sha, tuple(self._file(sibling) for sibling in info.siblings))

    def request(self, file: RemoteFile) -> Request:
        """Address of one file at the listed commit."""
        url = hf_hub_url(self._source.repository, file.path, revision=self._commit, endpoint=self._endpoint)
        return Request(url, bearer(self._source.token_file))

    def _model_info(self) -> ModelInfo:
        # False, not None: a token of the process's environment is not this source's token.
        token = read_secret(self._source.token_file) if self._source.token_file else False
        api = HfApi(endpoint=self._endpoint, token=token)
        try:
            return api.model_info(
                self._source.repository,
                revision=self._source.revision or None,
                files_metadata=True,
                timeout=self._pace.stall_seconds,
            )
        except HfHubHTTPError as error:
            require_answer(error.response, self.access)
            raise
        except httpx2.HTTPError as error:
            raise connection_failure(error, self.access) from error
        except HFValidationError as error:
            raise FetchError("SourceRefuses", f"{self.access.subject}: {error}") from error

    def _file(self, sibling: RepoSibling) -> RemoteFile:
        value = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
        if value is None or sibling.size is None:
            raise FetchError("ChecksumMissing", f"{self.access.subject} knows no checksum of {sibling.rfilename}.")
        return RemoteFile(sibling.rfilename, sibling.size, git_checksum(value))
