"""The few requests that the operator sends to the API server, on raw dictionaries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from kubernetes.aio.client.exceptions import ApiException

from qwen3_operator import metrics
from qwen3_operator.reconcile.kinds import Kind, Resource, kind_of
from qwen3_operator.settings import FIELD_MANAGER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kubernetes.aio.client import ApiClient
    from kubernetes.aio.client.rest import RESTResponse

_TIMEOUT_SECONDS = 30
_PAGE = 500
_APPLY = "application/apply-patch+yaml"
_INVALID = frozenset({400, 422})
_REFUSALS = _INVALID | {403, 409}
_FORBIDDEN = 403
_NOT_FOUND = 404
_EVENTS = Resource("Event", "events.k8s.io", "v1", "events")
_CORE_EVENTS = Resource("Event", "", "v1", "events")


class ApiError(Exception):
    """The API server refused a request, or could not be reached (``status`` 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}" if status else message)
        self.status = status
        self.message = message

    @property
    def is_refusal(self) -> bool:
        """The object is at fault (schema, quota, policy) rather than the connection."""
        return self.status in _REFUSALS

    @property
    def is_namespace_ending(self) -> bool:
        """Nothing can be created in the namespace any more; the deployment itself goes with it."""
        return self.status == _FORBIDDEN and "because it is being terminated" in self.message

    @property
    def is_users_fault(self) -> bool:
        """The manifest is invalid; sending it again does not help."""
        return self.status in _INVALID


class Listing(NamedTuple):
    """A complete LIST."""

    items: list[dict[str, Any]]
    resource_version: str


class Client:
    """Thin: paths, content types, errors and the count of writes."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> Listing:
        """All objects of a kind, as of now, in pages."""
        return await self.list_resource(kind.value, namespace=namespace, labels=labels, fields=fields)

    async def list_resource(
        self, resource: Resource, *, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> Listing:
        """As `list`, also of kinds that are not watched for reconciles."""
        items: list[dict[str, Any]] = []
        query: dict[str, str] = {"limit": str(_PAGE)}
        query |= {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}
        while True:
            page = await self._request("GET", resource.path(namespace), query)
            items += page["items"]
            if not (token := page["metadata"].get("continue")):
                return Listing(items, page["metadata"]["resourceVersion"])
            query["continue"] = token

    async def find_named(self, resource: Resource, namespace: str, name: str) -> Listing:
        """At most one object, by LIST, which rights on a name alone allow."""
        query = {"fieldSelector": f"metadata.name={name}"}
        page = await self._request("GET", resource.path(namespace), query)
        return Listing(page["items"], page["metadata"]["resourceVersion"])

    async def list_labelled(self, resource: Resource, namespace: str, labels: str) -> tuple[dict[str, Any], ...]:
        """Objects of a kind that is not watched, by label selector."""
        items: list[dict[str, Any]] = []
        query: dict[str, str] = {"limit": str(_PAGE), "labelSelector": labels}
        while True:
            page = await self._request("GET", resource.path(namespace), query)
            items += page["items"]
            if not (token := page["metadata"].get("continue")):
                return tuple(items)
            query["continue"] = token

    async def wait_for_change(
        self, resource: Resource, namespace: str, name: str, resource_version: str, seconds: int
    ) -> None:
        """Wait until an object is not what it was at ``resource_version``, or so many seconds are over.

        Raises:
            ApiError: the watch was refused, or the connection lost.
        """
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        await self._send("GET", resource.path(namespace), query, read=_beginning, seconds=seconds + _TIMEOUT_SECONDS)

    async def follow(
        self,
        resource: Resource,
        namespace: str,
        resource_version: str,
        take: Callable[[dict[str, Any]], None],
        *,
        fields: str | None = None,
        seconds: int,
    ) -> None:
        """Hand every watch event after ``resource_version`` to ``take``, until so many seconds are over.

        Raises:
            ApiError: the watch was refused, or the connection lost. Whatever ``take`` raises ends it, too.
        """
        query = {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": str(seconds)}
        query |= {"fieldSelector": fields} if fields else {}
        await self._send("GET", resource.path(namespace), query, read=_lines(take), seconds=seconds + _TIMEOUT_SECONDS)

    async def list_events(self, namespace: str, fields: str) -> tuple[dict[str, Any], ...]:
        """Core Events of a namespace by field selector (``involvedObject.*``, ``reason``)."""
        query = {"fieldSelector": fields, "limit": str(_PAGE)}
        page = await self._request("GET", _CORE_EVENTS.path(namespace), query)
        return tuple(page["items"])

    async def find(self, path: str) -> dict[str, Any] | None:
        """The object at a URL path; None where there is none."""
        try:
            return await self._request("GET", path, {})
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    async def serves(self, resource: Resource) -> bool:
        """Whether the cluster knows a group and version."""
        return await self.find(f"/apis/{resource.api_version}") is not None

    async def apply(self, manifest: dict[str, Any], *, subresource: str | None = None) -> dict[str, Any]:
        """Server-side apply; returns the object as it is now. Conflicts are won: these fields are ours."""
        resource, metadata = kind_of(manifest).value, manifest["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"], subresource)
        return await self.apply_at(path, manifest, verb=f"apply/{subresource}" if subresource else "apply")

    async def apply_at(self, path: str, manifest: dict[str, Any], *, verb: str = "apply") -> dict[str, Any]:
        """Server-side apply to a URL path, also of kinds that are not watched."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        metrics.WRITES.labels(manifest["kind"], verb).inc()
        return await self._request("PATCH", path, query, manifest, content_type=_APPLY)

    async def delete(self, manifest: dict[str, Any]) -> None:
        """Delete this incarnation of an object, its dependents in the background. Gone already is fine."""
        resource, metadata = kind_of(manifest).value, manifest["metadata"]
        metrics.WRITES.labels(resource.kind, "delete").inc()
        body = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        try:
            await self._request("DELETE", resource.path(metadata["namespace"], metadata["name"]), {}, body)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    async def delete_at(self, path: str) -> None:
        """Delete the object at a URL path. Gone already is fine."""
        try:
            await self._request("DELETE", path, {})
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    async def create_event(self, event: dict[str, Any]) -> None:
        """Post an ``events.k8s.io/v1`` Event."""
        metrics.WRITES.labels("Event", "create").inc()
        await self._request("POST", _EVENTS.path(event["metadata"]["namespace"]), {}, event)

    async def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: dict[str, Any] | None = None,
        *,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        return json.loads(await self._send(method, path, query, body, content_type=content_type))  # type: ignore[no-any-return]

    async def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: dict[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        read: Callable[[RESTResponse], Awaitable[bytes]] | None = None,
        seconds: float = _TIMEOUT_SECONDS,
    ) -> bytes:
        """Body of the answer, or what ``read`` takes of it."""
        try:
            request = await self._api.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self._api.call_api(*request, _request_timeout=seconds)
            content = await (read or _whole)(response)
        except ApiException as error:
            raise _failed(int(error.status or 0), error.body or str(error.reason)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(0, f"API server not reached: {type(error).__name__}") from error
        if response.status >= 400:  # noqa: PLR2004 - the first HTTP error
            raise _failed(response.status, content.decode(errors="replace"))
        return content


async def _whole(response: RESTResponse) -> bytes:
    content: bytes = await response.read()  # type: ignore[no-untyped-call]
    return content


async def _beginning(response: RESTResponse) -> bytes:
    """Whatever comes first of an answer that does not end; the connection is given up."""
    try:
        content: bytes = await response.response.content.readany()
    finally:
        response.response.close()
    return content


def _lines(take: Callable[[dict[str, Any]], None]) -> Callable[[RESTResponse], Awaitable[bytes]]:
    """Reads an answer of one JSON document per line, of any length; what no line break ends is its remainder."""

    async def read(response: RESTResponse) -> bytes:
        rest = b""
        try:
            async for chunk in response.response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    take(json.loads(line))
        finally:
            response.response.close()
        return rest

    return read


def _failed(status: int, body: str) -> ApiError:
    metrics.API_ERRORS.labels(str(status)).inc()
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        message = body[:500]
    return ApiError(status, message)
