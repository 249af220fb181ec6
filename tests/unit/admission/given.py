"""Certificates, reviews and an API server that keeps what it is given."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import functools
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from qwen3_operator.admission.certificates import Certificates, issue
from qwen3_operator.admission.store import WEBHOOK, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "qwen3-operator-admission.qwen3-system.svc"
NOW = datetime.now(UTC).replace(microsecond=0)
"""Handshakes are judged by the real clock, so tests start from it."""
SECRET = "/api/v1/namespaces/qwen3-system/secrets/webhook"  # noqa: S105 - a path
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/webhook"


def generation(number: int = 0, host: str = HOST, at: datetime = NOW) -> Certificates:
    """The certificates of one generation; other numbers have other keys."""
    return _generation(number, host, at)


@functools.cache
def _generation(number: int, host: str, at: datetime) -> Certificates:
    """Made once: a signature is another one each time."""
    first, second = (ec.derive_private_key(2 * number + part, ec.SECP256R1()) for part in (1, 2))
    return issue(host, at, first, second)


class ApiServer:
    """Objects by path. Server-side apply replaces fields, and list entries by their name."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {
            SECRET: {"metadata": {"name": "webhook", "resourceVersion": "1"}},
            CONFIGURATION: {
                "metadata": {"name": "webhook", "resourceVersion": "1"},
                "webhooks": [{"name": WEBHOOK, "clientConfig": {"service": {"name": "webhook"}}}],
            },
        }
        self.writes: list[str] = []
        self.refused: str | None = None
        self.refusals = 0

    async def find(self, path: str) -> dict[str, Any] | None:
        return copy.deepcopy(self.objects.get(path))

    async def apply_at(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        if path == self.refused:
            self.refusals += 1
            raise PermissionError(path)
        kept = self.objects.setdefault(path, {"metadata": {"resourceVersion": "0"}})
        asked = manifest["metadata"].get("resourceVersion", kept["metadata"]["resourceVersion"])
        if asked != kept["metadata"]["resourceVersion"]:
            raise RuntimeError("409")
        kept["metadata"]["resourceVersion"] = str(int(asked) + 1)
        if "data" in manifest:
            kept["data"] = manifest["data"]
        for webhook in manifest.get("webhooks", []):
            (found,) = (entry for entry in kept["webhooks"] if entry["name"] == webhook["name"])
            found["clientConfig"] |= webhook["clientConfig"]
        self.writes.append(path)
        return kept

    @property
    def bundle(self) -> bytes:
        return base64.b64decode(self.objects[CONFIGURATION]["webhooks"][0]["clientConfig"].get("caBundle", ""))


def store(api: ApiServer) -> Store:
    return Store(api, namespace="qwen3-system", secret="webhook", configuration="webhook")  # noqa: S106 - a name


def review(spec: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    """As the API server sends it for a create, or with ``old`` for an update."""
    old_object = {"spec": old, "status": {"replicas": 1}} if old is not None else None
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "serving.qwen3.io", "version": "v1alpha1", "kind": "Qwen3Deployment"},
            "name": "chat",
            "namespace": "team-a",
            "operation": "CREATE" if old is None else "UPDATE",
            "object": {"metadata": {"name": "chat", "namespace": "team-a"}, "spec": spec},
            "oldObject": old_object,
            "dryRun": False,
        },
    }


def spec(**model: Any) -> dict[str, Any]:
    """A spec as the API server has completed it."""
    source = {"persistentVolumeClaim": {"claimName": "weights"}}
    return {"model": {"name": "Qwen3-32B", "quantization": "FP8", "source": source, **model}}


async def shaken(port: int, bundle: bytes, host: str = HOST) -> bytes:
    """DER of the certificate that a client who trusts ``bundle`` alone is given.

    Raises:
        ssl.SSLError: it is not trusted, not valid now, or not for this host.
    """
    context = ssl.create_default_context(cadata=bundle.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    try:
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return found
    finally:
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()


def days(count: float) -> timedelta:
    return timedelta(days=count)


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def pieces(bundle: bytes) -> Iterator[bytes]:
    """The PEM texts of a bundle."""
    end = b"-----END CERTIFICATE-----\n"
    yield from (part + end for part in bundle.split(end) if part)
