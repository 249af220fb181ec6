"""The two objects that the operator writes, watched by name at the API server."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from pydantic import ValidationError

from qwen3_runtime.gateway.files import explain
from qwen3_runtime.tenancy import (
    DEMAND_KEY,
    DEMAND_SUFFIX,
    ROUTES_KEY,
    ROUTES_SUFFIX,
    TENANTS_KEY,
    TENANTS_SUFFIX,
    USAGE_ENTRY,
)

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

POD_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WATCH_SECONDS = 300
"""After so long the server ends a watch in order and a new list begins."""
RETRY_SECONDS = (0.2, 1.0, 2.0, 5.0)
"""Between attempts, the last one for good: the last good content stays in force meanwhile."""
EVENT_BYTES = 4 * 1024 * 1024
"""An object of Kubernetes has at most 1.5 MiB, a third more in base64."""


@dataclass(frozen=True)
class ObjectName:
    """One key of a Secret or a ConfigMap."""

    plural: str
    name: str
    key: str

    def content(self, kubernetes_object: dict[str, Any]) -> bytes | None:
        """The key's bytes, or None where it is missing."""
        text = (kubernetes_object.get("data") or {}).get(self.key)
        if text is None:
            return None
        return base64.b64decode(text) if self.plural == "secrets" else text.encode()


@dataclass(frozen=True)
class ObjectNames:
    """The objects of one release."""

    tenants: ObjectName
    usage_token: ObjectName
    routes: ObjectName
    demand: str


def object_names(fullname: str) -> ObjectNames:
    """By the release's full name."""
    return ObjectNames(
        tenants=ObjectName("secrets", fullname + TENANTS_SUFFIX, TENANTS_KEY),
        usage_token=ObjectName("secrets", fullname + TENANTS_SUFFIX, USAGE_ENTRY),
        routes=ObjectName("configmaps", fullname + ROUTES_SUFFIX, ROUTES_KEY),
        demand=fullname + DEMAND_SUFFIX,
    )


class Cluster:
    """The API server, as the pod's own account sees it."""

    def __init__(self, url: str, namespace: str, token: Path, certificate: Path) -> None:
        self._base = f"{url}/api/v1/namespaces/{namespace}"
        self._token = token
        self._ssl = ssl.create_default_context(cafile=certificate)

    @classmethod
    def from_pod(cls, namespace: str) -> Cluster:
        """From what the kubelet gives to every pod."""
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        host = f"[{host}]" if ":" in host else host
        return cls(f"https://{host}:{port}", namespace, POD_ACCOUNT / "token", POD_ACCOUNT / "ca.crt")

    async def follow(self, name: ObjectName, take: Callable[[bytes], None]) -> None:
        """Give the object's content to ``take`` now and after each change; what is not valid changes nothing."""
        failures = 0
        while True:
            try:
                async with aiohttp.ClientSession(read_bufsize=EVENT_BYTES) as session:
                    version = await self._list(session, name, take)
                    failures = 0
                    await self._watch(session, name, version, take)
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                logger.warning("watching %s %s: %s; again in %g s", name.plural, name.name, error, delay)
                await asyncio.sleep(delay)

    async def _list(self, session: aiohttp.ClientSession, name: ObjectName, take: Callable[[bytes], None]) -> str:
        async with session.get(self._url(name), **self._options(name)) as answer:
            answer.raise_for_status()
            found = await answer.json()
        for item in found.get("items", ()):
            _give(name, item, take)
        version: str = found["metadata"]["resourceVersion"]
        return version

    async def _watch(
        self, session: aiohttp.ClientSession, name: ObjectName, version: str, take: Callable[[bytes], None]
    ) -> None:
        more = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS)}
        timeout = aiohttp.ClientTimeout(total=None, sock_read=WATCH_SECONDS + 30)
        async with session.get(self._url(name), timeout=timeout, **self._options(name, **more)) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    if event["object"].get("code") != HTTPStatus.GONE:
                        raise ValueError(event["object"].get("message", "the watch failed"))
                    return
                if event["type"] in ("ADDED", "MODIFIED"):
                    _give(name, event["object"], take)

    async def write_demand(self, name: str, moments: dict[str, str]) -> None:
        """Add to the demand that stands in a ConfigMap, which other gateways write too: the newest of each stays."""
        url = f"{self._base}/configmaps/{name}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            async with session.get(url, headers=self._headers(), ssl=self._ssl) as answer:
                answer.raise_for_status()
                found = json.loads(((await answer.json()).get("data") or {}).get(DEMAND_KEY, "{}"))
            data = {DEMAND_KEY: json.dumps(found | moments, sort_keys=True)}
            applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
            headers = {**self._headers(), "content-type": "application/apply-patch+yaml"}
            options = {"fieldManager": "qwen3-gateway", "force": "true"}
            body = json.dumps(applied)
            async with session.patch(url, params=options, data=body, headers=headers, ssl=self._ssl) as answer:
                answer.raise_for_status()

    def _url(self, name: ObjectName) -> str:
        return f"{self._base}/{name.plural}"

    def _options(self, name: ObjectName, **more: str) -> dict[str, Any]:
        params = {"fieldSelector": f"metadata.name={name.name}", **more}
        return {"params": params, "headers": self._headers(), "ssl": self._ssl}

    def _headers(self) -> dict[str, str]:
        # The token is read again each time: the kubelet renews it.
        return {"authorization": f"Bearer {self._token.read_text().strip()}"}


def _give(name: ObjectName, item: dict[str, Any], take: Callable[[bytes], None]) -> None:
    content = name.content(item)
    if content is None:
        logger.warning("%s %s has no key %s; the last good content stays in force", name.plural, name.name, name.key)
        return
    try:
        take(content)
        logger.info("%s %s read", name.plural, name.name)
    except ValidationError as error:
        logger.warning("%s %s is not valid, the last stays in force: %s", name.plural, name.name, explain(error))
