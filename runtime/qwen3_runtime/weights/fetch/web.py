"""HTTP as every source needs it: one client, and one meaning for every status."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx2

from qwen3_runtime.weights.fetch.errors import FetchError, TransientError
from qwen3_runtime.weights.fetch.patience import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qwen3_runtime.weights.fetch.order import Pace

_CONNECT_SECONDS = 10.0
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True)
class Request:
    """A GET. The URL may be signed and the headers hold tokens: neither is ever logged."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Access:
    """What was asked for and with whose right, for sentences about a refusal."""

    subject: str
    """E.g. ``Qwen/Qwen3-8B (main) from HuggingFace``."""
    credentials: str | None
    """Where the token lies; None when the request was anonymous."""
    terms_url: str = ""
    """Page on which a person accepts the terms of a gated model."""
    noun: str = "token"
    """What the credentials are."""

    def refusal(self, status: int, code: str = "") -> FetchError:
        """What a status that no repetition changes means. ``code`` is the hub's ``X-Error-Code``."""
        because = f"{status} {code}".strip()
        who = f"the {self.noun} in {self.credentials}" if self.credentials else f"a request without a {self.noun}"
        if code == "GatedRepo":
            return FetchError(
                "GatedModel",
                f"{self.subject} is gated and refuses {who}: accept its terms at {self.terms_url}"
                " and give the token of that account in a Secret.",
            )
        if code == "RevisionNotFound":
            return FetchError("RevisionNotFound", f"{self.subject}: there is no such revision.")
        if status == HTTPStatus.UNAUTHORIZED:
            return FetchError(
                "Unauthorized", f"{self.subject} refuses {who} ({because}): it is private, or does not exist."
            )
        if status == HTTPStatus.FORBIDDEN:
            return FetchError("Forbidden", f"{self.subject} refuses {who} ({because}).")
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return FetchError("SourceNotFound", f"{self.subject} does not exist, or {who} may not see it ({because}).")
        return FetchError("SourceRefuses", f"{self.subject} answers with HTTP status {because}.")


def make_client(pace: Pace) -> httpx2.Client:
    """Client for one fetch. Proxies and certificates come from the environment, as everywhere."""
    return httpx2.Client(
        follow_redirects=True,
        timeout=httpx2.Timeout(pace.stall_seconds, connect=min(_CONNECT_SECONDS, pace.stall_seconds), pool=None),
        headers={"User-Agent": "qwen3-runtime"},
    )


def get_json(client: httpx2.Client, request: Request, parameters: Mapping[str, str], access: Access) -> Any:
    """Body of a GET.

    Raises:
        FetchError: refused, or no JSON.
        TransientError: refused for now, or the connection failed.
    """
    try:
        response = client.get(request.url, params=parameters, headers=request.headers)
    except httpx2.HTTPError as error:
        raise connection_failure(error, access) from error
    require_answer(response, access)
    try:
        return response.json()
    except ValueError as error:
        raise FetchError("SourceRefuses", f"{access.subject} answers with something that is no JSON.") from error


def require_answer(response: httpx2.Response, access: Access) -> None:
    """Raise what the status of an answer means unless it is a success. See `require_success`."""
    headers = response.headers
    require_success(response.status_code, headers.get("Retry-After"), access, headers.get("X-Error-Code", ""))


def require_success(status: int, wait: str | None, access: Access, code: str) -> None:
    """Raise what a status means unless it is a success. ``wait``: the header ``Retry-After``.

    Raises:
        FetchError: repeating would not help.
        TransientError: it may.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        seconds = retry_after(wait, time.time())
        raise TransientError(f"{access.subject} answers with HTTP status {status}", retry_after=seconds)
    raise access.refusal(status, code)


def connection_failure(error: Exception, access: Access) -> Exception:
    """What a failed connection means: an expired certificate does not heal by itself, the rest may."""
    if isinstance(error, httpx2.TimeoutException):
        return TransientError(f"{access.subject} sends nothing", reason="SourceStalled")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return FetchError("CertificateInvalid", f"{access.subject}: {cause.verify_message}.")
        cause = cause.__cause__ or cause.__context__
    return TransientError(f"{access.subject} cannot be reached ({error or type(error).__name__})")
