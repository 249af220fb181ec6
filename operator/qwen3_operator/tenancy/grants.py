"""What one Qwen3Tenant comes to: its keys, its models, and what is missing of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3_operator.api.status import ConditionStatus
from qwen3_operator.api.tenant import KEY_SECRET_TYPE
from qwen3_operator.inventory.offers import nearest
from qwen3_operator.reconcile.observed import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qwen3_operator.api.tenant import ApiKey, DeploymentSelector, TenantSpec
    from qwen3_operator.tenancy.keys import KeySecret
    from qwen3_operator.tenancy.served import Served

_SENTENCES = 4
"""Of a condition's message; more would only repeat the mistake."""


@dataclass(frozen=True)
class Found:
    """Some of what was asked for, and the rest in words."""

    names: tuple[str, ...]
    """Digests of keys, or names of models."""
    asked: int
    missing: tuple[tuple[str, str], ...] = ()
    """(reason, sentence) of each that was not found."""


def keys(spec: TenantSpec, secrets: Mapping[str, KeySecret], holders: Mapping[str, str], tenant: str) -> Found:
    """Digests of the tenant's keys.

    Args:
        spec: Of the tenant.
        secrets: By name, those of the type for keys.
        holders: Name of the oldest tenant with each digest: a key belongs to it alone.
        tenant: Name of this one.
    """
    found: list[str] = []
    missing: list[tuple[str, str]] = []
    for number, key in enumerate(spec.api_keys):
        digest, problem = _digest(key, secrets)
        holder = holders.get(digest, tenant)
        if holder != tenant:
            problem = "KeyTaken", f"is also a key of tenant {holder}, which is older: make a key of its own"
        if problem[0]:
            place = f"spec.apiKeys[{number}] (Secret {key.secret_name}, entry {key.key})"
            missing.append((problem[0], f"{place} {problem[1]}"))
        else:
            found.append(digest)
    return Found(tuple(dict.fromkeys(found)), len(spec.api_keys), tuple(missing))


def digests(spec: TenantSpec, secrets: Mapping[str, KeySecret]) -> tuple[str, ...]:
    """Digests of the keys that can be read, whoever else has them."""
    found = (_digest(key, secrets)[0] for key in spec.api_keys)
    return tuple(digest for digest in found if digest)


def _digest(key: ApiKey, secrets: Mapping[str, KeySecret]) -> tuple[str, tuple[str, str]]:
    """Digest, and (reason, words) where there is none."""
    secret = secrets.get(key.secret_name)
    if secret is None:
        make = f"kubectl create secret generic {key.secret_name} --type={KEY_SECRET_TYPE} --from-literal={key.key}=..."
        return "", ("SecretNotFound", f"is not there: no Secret of this name has type {KEY_SECRET_TYPE}; `{make}`")
    if digest := secret.digests.get(key.key):
        return digest, ("", "")
    if problem := secret.problems.get(key.key):
        return "", ("InvalidKey", problem)
    entries = ", ".join(sorted({*secret.digests, *secret.problems})) or "none"
    return "", ("KeyNotFound", f"is not there: the Secret's entries are: {entries}")


def models(spec: TenantSpec, by_name: Mapping[str, Served], deployments: Iterable[Served], tenant: str) -> Found:
    """Names that the tenant may put into "model".

    Args:
        spec: Of the tenant.
        by_name: Deployments that tenants can reach, by served name.
        deployments: All.
        tenant: Name of the tenant.
    """
    found = {name for name in spec.models.names if name in by_name and by_name[name].allows(tenant)}
    missing = [_absent(name, by_name, deployments, tenant) for name in spec.models.names if name not in found]
    asked = len(spec.models.names)
    if spec.models.selector is not None:
        chosen = {
            name
            for name, served in by_name.items()
            if served.allows(tenant) and _is_selected(served, spec.models.selector)
        }
        if not chosen:
            sentence = f"spec.models.selector finds no Qwen3Deployment whose spec.tenants.allowed lets {tenant} in"
            missing.append(("NothingSelected", sentence))
        asked += max(1, len(chosen - found))
        found |= chosen
    return Found(tuple(sorted(found)), asked, tuple(missing))


def _is_selected(served: Served, selector: DeploymentSelector) -> bool:
    labels = served.deployment["metadata"].get("labels") or {}
    is_there = not selector.namespaces or served.key.namespace in selector.namespaces
    return is_there and selector.match_labels.items() <= labels.items()


def _absent(name: str, by_name: Mapping[str, Served], deployments: Iterable[Served], tenant: str) -> tuple[str, str]:
    """Why a model that is named cannot be used."""
    place = f"spec.models.names: {name}"
    named = by_name.get(name) or next(
        (served for served in deployments if name in (served.served_name, *served.adapters)), None
    )
    if named is None:
        known = nearest(name, by_name) if by_name else "no Qwen3Deployment has spec.tenants"
        return "ModelNotFound", f"{place} is not served; {known}"
    owner = f"Qwen3Deployment {named.key.namespace}/{named.key.name}"
    if named.allows(tenant):
        return "ModelNotReady", f"{place}: {owner} is not offered; its condition Offered says why"
    return "NotAllowed", f"{place}: {owner} does not let {tenant} in: its owner adds it to spec.tenants.allowed.names"


def verdicts(keys_found: Found, models_found: Found) -> dict[str, Verdict]:
    """The conditions of a tenant."""
    key_verdict = _verdict(keys_found, "key", ("NoKeys", "spec.apiKeys is empty: the tenant is locked out"))
    model_verdict = _verdict(models_found, "model", ("NoModels", "there is no model"))
    blocked = next(
        (verdict for found, verdict in ((keys_found, key_verdict), (models_found, model_verdict)) if not found.names),
        None,
    )
    summary = f"{_count(keys_found, 'key')} and {_count(models_found, 'model')}"
    ready = blocked or Verdict(ConditionStatus.TRUE, "Serving", f"requests are answered: {summary}")
    return {"KeysReady": key_verdict, "ModelsReady": model_verdict, "Ready": ready}


def _verdict(found: Found, noun: str, empty: tuple[str, str]) -> Verdict:
    if found.missing:
        reason = found.missing[0][0]
        sentences = "; ".join(sentence for _, sentence in found.missing[:_SENTENCES])
        if len(found.missing) > _SENTENCES:
            sentences += f"; and {len(found.missing) - _SENTENCES} more"
        return Verdict(ConditionStatus.FALSE, reason, f"{_count(found, noun)}: {sentences}")
    if not found.names:
        return Verdict(ConditionStatus.FALSE, *empty)
    return Verdict(ConditionStatus.TRUE, "Complete", _count(found, noun))


def _count(found: Found, noun: str) -> str:
    works = len(found.names)
    of = f" of {found.asked}" if works != found.asked else ""
    return f"{works}{of} {noun}{'s' if max(works, found.asked) != 1 else ''}"
