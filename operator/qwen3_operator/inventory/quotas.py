"""What ResourceQuotas leave a deployment, counted as the API server's quota admission counts it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qwen3_operator.inventory.quantity import amount, millicores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.inventory.requests import Resources
    from qwen3_operator.inventory.types import Demand

REQUESTS = "requests."
"""Of a quota on what pods request: the only kind that there is for extended resources."""
_HOST = frozenset({"cpu", "memory"})
"""May be written without the prefix, which means the same."""
_OF_ALL_PODS = frozenset({"NotTerminating", "NotBestEffort"})
"""Scopes that the platform's pods are in: they have requests and no deadline."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One resource of one ResourceQuota, as one deployment finds it."""

    namespace: str
    quota: str
    resource: str
    """As pods name it."""
    hard: int
    """CPU in millicores, memory in bytes, the rest in devices; so are the other amounts."""
    left: int
    """What the deployment's pods may take, those that it has included; negative where more is taken than allowed."""

    def need(self, resource: str, demand: Demand) -> int:
        """What a replica takes of it, whose devices are called ``resource``."""
        amounts = {"cpu": demand.cpu_millicores, "memory": demand.memory_bytes, resource: demand.devices}
        return amounts.get(self.resource, 0) * demand.nodes

    @property
    def words(self) -> str:
        """``ResourceQuota devices of namespace team-a leaves 2 of 8 nvidia.com/gpu``."""
        left, hard = self.shown(max(0, self.left)), self.shown(self.hard)
        return f"ResourceQuota {self.quota} of namespace {self.namespace} leaves {left} of {hard} {self.resource}"

    def needs(self, resource: str, demand: Demand, replicas: int) -> str:
        """The limit in words, and what so many replicas take of it."""
        return f"{self.words}; needs {self.shown(replicas * self.need(resource, demand))}"

    def shown(self, number: int) -> str:
        """An amount of the resource as a person reads it."""
        if self.resource == "cpu":
            return f"{number / 1000:g}"
        return f"{number / 1e9:.1f} GB" if self.resource == "memory" else str(number)


@dataclass(frozen=True, slots=True)
class Quotas:
    """All limits that hold for a deployment; none where its namespace has no ResourceQuota."""

    limits: tuple[Limit, ...] = ()

    def tightest(self, resource: str, demand: Demand) -> Limit | None:
        """The limit that allows the fewest replicas; None where none limits them."""
        felt = [limit for limit in self.limits if limit.need(resource, demand) > 0]
        return min(felt, key=lambda limit: limit.left // limit.need(resource, demand), default=None)

    def cap(self, replicas: int, resource: str, demand: Demand) -> int:
        """As many of these replicas as are allowed."""
        limit = self.tightest(resource, demand)
        return replicas if limit is None else max(0, min(replicas, limit.left // limit.need(resource, demand)))

    def less(self, resource: str, demand: Demand, replicas: int) -> Quotas:
        """What is left after so many replicas more: pools whose devices have one name share it."""
        return Quotas(
            tuple(replace(limit, left=limit.left - replicas * limit.need(resource, demand)) for limit in self.limits)
        )


def limits_of(quota: Mapping[str, Any], held: Resources, own: Resources) -> Iterable[Limit]:
    """What a ResourceQuota leaves one deployment.

    Args:
        quota: The object. Its status is what admission goes by; before it has one, nothing is taken yet.
        held: What pods of all Qwen3Deployments of the namespace request, whether they are bound or not: the quota's
            own count follows new pods at once, and what is known of it here somewhat later.
        own: What the deployment's own pods request.
    """
    if not _concerns_pods(quota["spec"]):
        return
    metadata, status = quota["metadata"], quota.get("status") or {}
    used = status.get("used") or {}
    for name, text in (status.get("hard") or quota["spec"].get("hard") or {}).items():
        if resource := limited(name):
            read = millicores if resource == "cpu" else amount
            taken = max(read(used.get(name, 0)), held.get(resource, 0)) - own.get(resource, 0)
            hard = read(text)
            yield Limit(metadata["namespace"], metadata["name"], resource, hard, hard - taken)


def allows_more(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a ResourceQuota leaves more of anything than it did, or holds for other pods."""
    if any(before["spec"].get(name) != after["spec"].get(name) for name in ("scopes", "scopeSelector")):
        return True
    were = {limit.resource: limit.left for limit in limits_of(before, {}, {})}
    now = {limit.resource: limit.left for limit in limits_of(after, {}, {})}
    return any(resource not in now or now[resource] > left for resource, left in were.items())


def limited(name: str) -> str:
    """The resource whose requests a key of ``spec.hard`` limits; empty for one that limits something else."""
    if name in _HOST:
        return name
    return name.removeprefix(REQUESTS) if name.startswith(REQUESTS) and not name.endswith("storage") else ""


def _concerns_pods(spec: Mapping[str, Any]) -> bool:
    """Whether the platform's pods are in the scopes; those of priority classes are not told from here."""
    expressions = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    scopes = {*(spec.get("scopes") or ()), *(expression["scopeName"] for expression in expressions)}
    return scopes <= _OF_ALL_PODS
