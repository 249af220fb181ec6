"""One reconcile: cached objects in, children and status out. Level-based; knows nothing of what happened."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from qwen3_operator.api.base import API_VERSION
from qwen3_operator.api.deployment import KIND, DeploymentSpec
from qwen3_operator.api.intent import ServiceLevel
from qwen3_operator.api.scaling import ScalingMode
from qwen3_operator.manifests.render import RenderError, render
from qwen3_operator.reconcile import exported
from qwen3_operator.reconcile.children import Children
from qwen3_operator.reconcile.client import ApiError
from qwen3_operator.reconcile.conditions import transitions
from qwen3_operator.reconcile.events import event
from qwen3_operator.reconcile.intake import replan_wish
from qwen3_operator.reconcile.kinds import WORKLOAD_KINDS, Key, Kind, kind_of
from qwen3_operator.reconcile.observed import Failure, Observed, PhaseView, PodView, ScalingView, Verdict
from qwen3_operator.reconcile.planner import Answer, Planner
from qwen3_operator.reconcile.report import report, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qwen3_operator.api.status import PlanStatus
    from qwen3_operator.reconcile.cache import Cache
    from qwen3_operator.reconcile.client import Client
    from qwen3_operator.reconcile.freshness import Freshness
    from qwen3_operator.reconcile.meters import Meters
    from qwen3_operator.settings import Settings

_LOG = logging.getLogger(__name__)
_NOT_FOUND = 404
_REPORT_SECONDS = 0.2


class Scaler(Protocol):
    """What the reconciler knows of the autoscaler."""

    def scale(self, key: Key, spec: DeploymentSpec, current: PlanStatus | None) -> Mapping[str, int] | None:
        """Replicas by pool instead of ``spec.replicas``; None where that counts."""

    def view(self, key: Key) -> ScalingView | None:
        """What the status says of scaling."""

    def forget(self, key: Key) -> None:
        """The deployment is gone."""


class Reconciler:
    """Wires the pure functions to the cache and the client."""

    def __init__(
        self,
        client: Client,
        cache: Cache,
        planner: Planner,
        *,
        settings: Settings,
        phase: Callable[[str], PhaseView],
        mount_failure: Callable[[str], str],
        again: Callable[[Key, float], None],
        freshness: Freshness,
        meters: Meters,
        offered: Callable[[Key], Verdict | None],
        autoscaler: Scaler,
    ) -> None:
        """Wire it.

        ``phase`` and ``mount_failure`` give what is known of the pod with a uid, ``offered`` whether tenants reach a
        deployment; ``again`` asks for a reconcile.
        """
        self._client = client
        self._cache = cache
        self._planner = planner
        self._children = Children(client, cache)
        self._freshness = freshness
        self._meters = meters
        self._autoscaler = autoscaler
        self._settings = settings
        self._phase = phase
        self._mount_failure = mount_failure
        self._again = again
        self._offered = offered
        self._deferred: set[Key] = set()

    async def reconcile(self, key: Key) -> bool:
        """Bring the cluster nearer to what a deployment asks for, and say how far it is.

        Returns:
            False when a person has to change something first.

        Raises:
            ApiError: to be retried with backoff.
        """
        deployment = self._cache.get(key)
        if deployment is None:
            for memory in (self._planner, self._children, self._freshness, self._autoscaler, exported):
                memory.forget(key)
            self._deferred.discard(key)
            return True
        if "deletionTimestamp" in deployment["metadata"]:
            return True  # owner references do the rest
        answer, failure = await self._plan(key, deployment)
        desired: Sequence[dict[str, Any]] = ()
        if answer.plan is not None and failure is None:
            desired, failure = self._render(deployment, answer.plan)
        differed, refused = await self._apply(key, desired)
        if refused is not None and refused.is_namespace_ending:
            return True
        if self._is_deferred(key, differed=differed):
            return failure is None
        observed = self._observe(key, deployment, answer, failure, desired)
        await self._children.prune(key, deployment, desired, observed)
        refusal = Failure("ApplyRefused", refused.message) if refused else None
        await self._report(deployment, replace(observed, apply_failure=refusal))
        if refused is not None and not refused.is_users_fault:
            raise refused
        return failure is None and refused is None

    async def _plan(self, key: Key, deployment: dict[str, Any]) -> tuple[Answer, Failure | None]:
        try:
            spec = DeploymentSpec.model_validate(deployment["spec"])
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            # The plan stays: it is what runs, and what the next spec that can be read is compared with.
            return Answer(self._planner.in_force(key)), Failure("InvalidSpec", f"spec.{field}: {first['msg']}")
        wish = replan_wish(deployment["metadata"])
        status = deployment.get("status", {})
        answer = await self._planner.answer(
            key, spec, status, wish, lambda current: self._autoscaler.scale(key, spec, current)
        )
        failed = answer.failure
        return answer, Failure(failed.reason, failed.message) if failed else None

    def _render(self, deployment: dict[str, Any], plan: PlanStatus) -> tuple[list[dict[str, Any]], Failure | None]:
        catalog = self._planner.catalog
        if plan.model not in catalog.models:
            message = f"the catalog has no {plan.model} any more: pods keep running and cannot be changed"
            return [], Failure("ModelGone", message)
        try:
            return render(deployment, plan, self._settings, catalog), None
        except RenderError as error:
            return [], Failure(error.reason, error.message)

    async def _apply(self, key: Key, desired: Sequence[dict[str, Any]]) -> tuple[bool, ApiError | None]:
        """Apply what differs. A refusal is for the status; a lost connection is for the queue."""
        try:
            return await self._children.apply(key, desired), None
        except ApiError as error:
            if not error.is_refusal:
                raise
            return False, error

    def _is_deferred(self, key: Key, *, differed: bool) -> bool:
        """After an apply the controllers have news in a moment: one status answers both. Never twice in a row."""
        if not differed or key in self._deferred:
            self._deferred.discard(key)
            return False
        self._deferred.add(key)
        self._again(key, _REPORT_SECONDS)
        return True

    def _observe(
        self,
        key: Key,
        deployment: dict[str, Any],
        answer: Answer,
        failure: Failure | None,
        desired: Sequence[dict[str, Any]],
    ) -> Observed:
        pods = tuple(
            PodView(
                pod,
                self._phase(pod["metadata"]["uid"]),
                self._cache.node(pod["spec"].get("nodeName", "")),
                self._mount_failure(pod["metadata"]["uid"]),
            )
            for pod in self._cache.owned(Kind.POD, key)
        )
        return Observed(
            deployment=deployment,
            plan=answer.plan,
            failure=failure,
            desired=tuple(child for child in desired if kind_of(child) in WORKLOAD_KINDS),
            lists=tuple(child for child in desired if kind_of(child) is Kind.CONFIG_MAP),
            workloads=tuple(child for kind in WORKLOAD_KINDS for child in self._cache.owned(kind, key)),
            prefetchers=self._prefetchers(key, desired),
            pods=pods,
            outdated=self._freshness.view(key, answer.plan),
            offered=self._offered(key),
            capacity=self._meters.view(key, answer.plan),
            scaling=self._autoscaler.view(key),
            is_scaled=self._is_scaled(deployment),
            replanned=answer.replanned,
            previous=deployment.get("status", {}),
        )

    def _prefetchers(self, key: Key, desired: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
        """Without a plan that can be carried out those of the last one go on."""
        named = {child["metadata"]["name"] for child in desired if kind_of(child) is Kind.DAEMON_SET}
        owned = self._cache.owned(Kind.DAEMON_SET, key)
        return tuple(live for live in owned if not desired or live["metadata"]["name"] in named)

    @staticmethod
    def _is_scaled(deployment: Mapping[str, Any]) -> bool:
        return bool(deployment["spec"].get("scaling", {}).get("mode") == ScalingMode.AUTO)

    async def _report(self, deployment: dict[str, Any], observed: Observed) -> None:
        now = datetime.now(UTC)
        status = report(observed, now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        metadata = {name: deployment["metadata"][name] for name in ("name", "namespace", "uid")}
        exported.export(Key(metadata["namespace"], metadata["name"]), status, _slo(deployment["spec"]))
        written = stored(status)
        if written == observed.previous:
            return
        manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": written}
        try:
            self._cache.put(Kind.QWEN3DEPLOYMENT, await self._client.apply(manifest, subresource="status"))
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return
            raise
        exported.count_steps(observed.previous.get("startup", ()), status.startup)
        for transition in transitions(observed.previous.get("conditions", ()), status.conditions):
            await self._post(event(deployment, transition, self._settings.identity, now))

    async def _post(self, body: dict[str, Any]) -> None:
        """Events are a courtesy: the condition says the same, so a failure is not retried."""
        try:
            await self._client.create_event(body)
        except ApiError as error:
            _LOG.warning("event not posted", extra={"reason": body["reason"], "error": str(error)})


def _slo(spec: Mapping[str, Any]) -> ServiceLevel | None:
    """None where the spec is of another version."""
    try:
        return ServiceLevel.model_validate(spec.get("slo", {}))
    except ValidationError:
        return None
