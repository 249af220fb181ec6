"""Whose request is it? From the headers to a tenant."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwen3_runtime.server.asgi import Header
    from qwen3_runtime.tenancy import Tenant, Tenants

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


def presented_key(headers: Iterable[Header]) -> bytes | None:
    """The API key of a request: ``Authorization: Bearer`` or ``x-api-key``. None without one or with two."""
    keys = set()
    for name, value in headers:
        if name == b"authorization" and value[: len(BEARER)].lower() == BEARER:
            keys.add(value[len(BEARER) :].strip())
        elif name == b"x-api-key":
            keys.add(value.strip())
    return keys.pop() if len(keys) == 1 else None
