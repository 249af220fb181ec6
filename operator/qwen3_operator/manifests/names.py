"""Names, labels and annotations of everything that belongs to a Qwen3Deployment."""

from __future__ import annotations

import hashlib
import re

from qwen3_operator.api.base import DEPLOYMENT_LABEL, GROUP
from qwen3_operator.settings import FIELD_MANAGER

PLACEMENT_LABEL = f"{GROUP}/placement"
"""On a Deployment and its pods: the pool of the placement that they stand for, as a label value."""
PREFETCH_LABEL = f"{GROUP}/prefetch"
"""On pods that only fetch: the deployment that they do it for. They bear none of the labels of its replicas, by which
those are counted, reached and planned with."""
DIGEST_ANNOTATION = f"{GROUP}/applied-digest"
"""On every child: digest of the manifest that was applied last."""
TEMPLATE_ANNOTATION = f"{GROUP}/template-digest"
"""On every pod: digest of the pod template that it was made from; tells updated pods from older ones."""
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""On a Deployment or LeaderWorkerSet: the LocalQueue that admits its pods. Kueue's webhook does the rest."""
MANAGED_SELECTOR = f"app.kubernetes.io/managed-by={FIELD_MANAGER},{DEPLOYMENT_LABEL}"
"""Label selector of all objects that the operator makes, pods included."""

_MAX_LENGTH = 63
_HASH_LENGTH = 8


def dns_label(*parts: str, longest: int = _MAX_LENGTH) -> str:
    """Join with dashes into a DNS label of at most ``longest`` characters. What had to change is marked by a hash."""
    joined = "-".join(parts)
    label = re.sub(r"[^a-z0-9]+", "-", joined.lower()).strip("-")
    if label == joined and len(label) <= longest:
        return label
    digest = hashlib.sha256(joined.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{label[: longest - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


def selector(name: str) -> dict[str, str]:
    """Labels that select all pods of a deployment, whatever pool or revision."""
    return {DEPLOYMENT_LABEL: name}


def pool_selector(name: str, pool: str) -> dict[str, str]:
    """Labels that select the pods of one placement. Immutable in a Deployment, so nothing that changes is in it."""
    return {DEPLOYMENT_LABEL: name, PLACEMENT_LABEL: dns_label(pool)}


def prefetch_selector(name: str, pool: str) -> dict[str, str]:
    """Labels that select the pods that fetch for one placement."""
    return {PREFETCH_LABEL: name, PLACEMENT_LABEL: dns_label(pool)}


def common_labels(name: str) -> dict[str, str]:
    """Labels of every child. ``app.kubernetes.io/version`` is left out: it would roll pods on an upgrade."""
    return {
        "app.kubernetes.io/name": "qwen3",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "inference",
        "app.kubernetes.io/part-of": "qwen3-serving",
        "app.kubernetes.io/managed-by": FIELD_MANAGER,
        DEPLOYMENT_LABEL: name,
    }


def service_url(name: str, namespace: str) -> str:
    """Base URL for OpenAI clients inside the cluster."""
    return f"http://{name}.{namespace}.svc/v1"
