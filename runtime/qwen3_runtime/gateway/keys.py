"""Whose request is it? From the headers to a tenant."""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import TYPE_CHECKING

from qwen3_runtime.tenancy import KEY_MIN_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.server.asgi import Header
    from qwen3_runtime.tenancy import Tenant, Tenants

logger = logging.getLogger(__name__)

BEARER = b"bearer "


class Keyring:
    """The valid keys, as digests. Keys themselves are never kept."""

    def __init__(self, tenants: Tenants) -> None:
        self._owners = {
            bytes.fromhex(digest): (bytes.fromhex(digest), tenant)
            for tenant in tenants.tenants
            for digest in tenant.key_digests
        }

    def owner(self, key: bytes) -> Tenant | None:
        """The tenant of a key. Its time says nothing of other keys: what is looked up is a digest, not the key."""
        digest = hashlib.sha256(key).digest()
        known, tenant = self._owners.get(digest, (b"", None))
        return tenant if hmac.compare_digest(digest, known) else None


class UsageToken:
    """What opens the usage and the ledger, as a digest; without one they are closed."""

    def __init__(self) -> None:
        self._digest = b""

    def set(self, token: bytes) -> None:
        """In force for the next request. What is too short to be a secret opens nothing."""
        token = token.strip()
        if len(token) < KEY_MIN_CHARACTERS:
            logger.warning("the usage token has %d characters, at least %d are needed", len(token), KEY_MIN_CHARACTERS)
            token = b""
        self._digest = hashlib.sha256(token).digest() if token else b""

    def opens(self, headers: Iterable[Header]) -> bool:
        """Whether a request has it."""
        key = presented_key(headers)
        return key is not None and hmac.compare_digest(hashlib.sha256(key).digest(), self._digest)


def presented_key(headers: Iterable[Header]) -> bytes | None:
    """The API key of a request: ``Authorization: Bearer`` or ``x-api-key``. None without one or with two."""
    keys = set()
    for name, value in headers:
        if name == b"authorization" and value[: len(BEARER)].lower() == BEARER:
            keys.add(value[len(BEARER) :].strip())
        elif name == b"x-api-key":
            keys.add(value.strip())
    return keys.pop() if len(keys) == 1 else None
