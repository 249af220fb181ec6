"""Where certificates are kept, and where the API server learns whom to trust: one Secret, one webhook configuration."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from qwen3_operator.admission.certificates import Certificates

if TYPE_CHECKING:
    from collections.abc import Mapping

WEBHOOK = "plan.serving.qwen3.io"
"""Name of the one webhook in the configuration that the chart makes."""
_KEYS = {"authority": "ca.crt", "certificate": "tls.crt", "key": "tls.key"}


class Api(Protocol):
    """The two requests that are needed; `qwen3_operator.reconcile.client.Client` sends them."""

    async def find(self, path: str) -> dict[str, Any] | None:
        """The object at a URL path; None where there is none."""

    async def apply_at(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply to a URL path."""


class Held(NamedTuple):
    """What the Secret holds."""

    certificates: Certificates | None
    """None where it is empty, incomplete or missing."""
    resource_version: str
    """Empty where there is no Secret."""


class Store:
    """Reads and writes the Secret and the bundle of trusted authorities."""

    def __init__(self, api: Api, *, namespace: str, secret: str, configuration: str) -> None:
        self._api = api
        self._namespace, self._secret, self._configuration = namespace, secret, configuration

    async def read(self) -> Held:
        """What is kept."""
        found = await self._api.find(self._secret_path)
        if found is None:
            return Held(None, "")
        return Held(_decoded(found.get("data") or {}), str(found["metadata"]["resourceVersion"]))

    async def write(self, certificates: Certificates, resource_version: str) -> None:
        """Keep these; refused by the API server where the Secret is another than the one that was read."""
        metadata = {"name": self._secret, "namespace": self._namespace}
        if resource_version:
            metadata["resourceVersion"] = resource_version
        data = {key: _encoded(getattr(certificates, field)) for field, key in _KEYS.items()}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
        await self._api.apply_at(self._secret_path, manifest)

    async def bundle(self) -> bytes:
        """What the API server trusts at present.

        Raises:
            LookupError: it has no such webhook to ask.
        """
        found = await self._api.find(self._configuration_path)
        for webhook in (found or {}).get("webhooks", []):
            if webhook["name"] == WEBHOOK:
                return base64.b64decode(webhook["clientConfig"].get("caBundle", ""))
        raise LookupError(f"ValidatingWebhookConfiguration {self._configuration} with webhook {WEBHOOK} is missing")

    async def trust(self, bundle: bytes) -> None:
        """Make the API server trust these authorities, and these alone."""
        webhook = {"name": WEBHOOK, "clientConfig": {"caBundle": _encoded(bundle)}}
        manifest = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self._configuration},
            "webhooks": [webhook],
        }
        await self._api.apply_at(self._configuration_path, manifest)

    @property
    def _secret_path(self) -> str:
        return f"/api/v1/namespaces/{self._namespace}/secrets/{self._secret}"

    @property
    def _configuration_path(self) -> str:
        kind = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        return f"{kind}/{self._configuration}"


def _encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def _decoded(data: Mapping[str, str]) -> Certificates | None:
    try:
        return Certificates(**{field: base64.b64decode(data[key]) for field, key in _KEYS.items()})
    except (KeyError, binascii.Error):
        return None
