"""The live cluster, found as kubectl finds it."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration, CoreV1Api, CustomObjectsApi
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config.config_exception import ConfigException

from qwen3_operator.api import deployment, pool, tenant
from qwen3_operator.api.base import API_VERSION, GROUP, VERSION
from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.output import note
from qwen3_operator.cli.snapshot import OVERRIDES, Snapshot
from qwen3_operator.cli.where import Where
from qwen3_operator.reconcile.client import ApiError, Client
from qwen3_operator.reconcile.kinds import Kind
from qwen3_operator.reconcile.promises import UNFINISHED_PODS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from qwen3_operator.cli.snapshot import Raw

_FORBIDDEN = 403
_NOT_FOUND = 404
_MERGE_PATCH = "application/merge-patch+json"
_Answer = TypeVar("_Answer")


class Cluster:
    """The requests that commands send."""

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self._api = api
        self._client = Client(api)
        self._custom = CustomObjectsApi(api)
        self.namespace = namespace
        """Of the context: where names without a namespace are looked for."""

    async def snapshot(self) -> Snapshot:
        """Everything that planning reads, as of now."""
        nodes = await self._client.list(Kind.NODE)
        pods = await self._client.list(Kind.POD, fields=UNFINISHED_PODS)
        return Snapshot(
            tuple(nodes.items),
            tuple(pods.items),
            deployments=await self._if_installed(deployment.KIND, deployment.PLURAL),
            pools=await self._if_installed(pool.KIND, pool.PLURAL),
            quotas=await self._quotas(),
            overrides=await self._overrides(),
            namespace=self.namespace,
            groups=await self._client.serves(Kind.LEADER_WORKER_SET.value),
        )

    async def deployment(self, namespace: str, name: str) -> Raw:
        """One Qwen3Deployment.

        Raises:
            InputError: it does not exist; those that do are named.
        """
        found: Any = await self._custom.list_namespaced_custom_object(GROUP, VERSION, namespace, deployment.PLURAL)
        by_name: dict[str, Raw] = {item["metadata"]["name"]: item for item in found["items"]}
        if name not in by_name:
            there = (
                f"there are {', '.join(sorted(by_name))}" if by_name else "there is none; -n names another namespace"
            )
            raise InputError(f"{deployment.KIND} {name!r} does not exist in namespace {namespace}: {there}")
        return by_name[name]

    async def deployments(self, namespace: str | None) -> list[Raw]:
        """The Qwen3Deployments of a namespace, or of all."""
        if namespace is None:
            return list(await self._if_installed(deployment.KIND, deployment.PLURAL))
        found: Any = await self._custom.list_namespaced_custom_object(GROUP, VERSION, namespace, deployment.PLURAL)
        return list(found["items"])

    async def proxied(self, namespace: str, service: str, path: str) -> dict[str, Any] | None:
        """The JSON that a Service answers at a path, by way of the API server; None where there is no such Service.

        ``service`` is a name and a port, ``prometheus:9090``.
        """
        return await self._client.find(f"/api/v1/namespaces/{namespace}/services/{service}/proxy{path}")

    async def tenants(self, namespace: str) -> list[Raw]:
        """The Qwen3Tenants of a namespace."""
        found: Any = await self._custom.list_namespaced_custom_object(GROUP, VERSION, namespace, tenant.PLURAL)
        return list(found["items"])

    async def annotate(self, namespace: str, name: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of a Qwen3Deployment."""
        body = {"metadata": {"annotations": dict(annotations)}}
        await self._custom.patch_namespaced_custom_object(
            GROUP, VERSION, namespace, deployment.PLURAL, name, body, _content_type=_MERGE_PATCH
        )

    async def _quotas(self) -> tuple[Raw, ...]:
        """All ResourceQuotas; who may not read them plans without, and is told."""
        try:
            found = await self._client.list(Kind.RESOURCE_QUOTA)
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            note("warning: ResourceQuotas may not be read: what they allow is not known here")
            return ()
        return tuple(found.items)

    async def _overrides(self) -> dict[str, str]:
        """Files of the operator's ConfigMap with catalog rows; who may not read it plans without, and is told."""
        try:
            found = await CoreV1Api(self._api).list_config_map_for_all_namespaces(
                field_selector=f"metadata.name={OVERRIDES}"
            )
        except ApiException as error:
            if error.status != _FORBIDDEN:
                raise
            note(f"warning: ConfigMap {OVERRIDES} may not be read: the shipped catalog is used, or give --catalog")
            return {}
        return {name: text for item in found.items for name, text in (item.data or {}).items()}

    async def _if_installed(self, kind: str, plural: str) -> tuple[Raw, ...]:
        """All objects of a kind of ours; none where its CustomResourceDefinition is missing."""
        try:
            found: Any = await self._custom.list_custom_object_for_all_namespaces(GROUP, VERSION, plural)
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return ()
            raise
        return tuple(item | {"apiVersion": API_VERSION, "kind": kind} for item in found["items"])


def ask(where: Where, question: Callable[[Cluster], Awaitable[_Answer]]) -> _Answer:
    """Run ``question`` on a cluster.

    Raises:
        InputError: no kubeconfig, an unknown context, a cluster that cannot be reached, a request that is refused.
    """
    return asyncio.run(_ask(where, question))


async def _ask(where: Where, question: Callable[[Cluster], Awaitable[_Answer]]) -> _Answer:
    configuration = Configuration()
    namespace = await _configure(configuration, where)
    # aiohttp would look for ~/.netrc in a thread before each request; proxies come from the kubeconfig
    configuration.client_session_kwargs = {"trust_env": False}
    async with ApiClient(configuration) as api:
        try:
            return await question(Cluster(api, namespace))
        except ApiError as error:
            raise InputError(f"the cluster at {configuration.host} says: {error.message}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise InputError(f"the cluster at {configuration.host} is not reached: {error}") from error
        except ApiException as error:
            raise InputError(f"the cluster at {configuration.host} says: {_words(error)}") from error


def _words(error: ApiException) -> str:
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


async def _configure(configuration: Configuration, where: Where) -> str:
    """Fill in server and credentials; returns the context's namespace."""
    files = _kubeconfigs(where)
    if not any(map(os.path.exists, files)):
        if where == Where() and "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
            return "default"
        raise InputError(f"no cluster: there is no kubeconfig at {' or '.join(files)}")
    try:
        loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
            os.pathsep.join(files), where.context, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, OSError, yaml.YAMLError) as error:
        raise InputError(f"no cluster: {error}") from error
    return loader.current_context["context"].get("namespace") or "default"


def _kubeconfigs(where: Where) -> list[str]:
    """Files that make up the kubeconfig; KUBECONFIG may name several."""
    named = where.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    return [os.path.expanduser(part) for part in named.split(os.pathsep) if part]  # noqa: PTH111
