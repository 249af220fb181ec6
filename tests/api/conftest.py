from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.given import (
    POOL_RESOURCE,
    RESOURCE,
    TENANT_RESOURCE,
    copied_crd,
    copied_pool_crd,
    copied_tenant_crd,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube


@pytest.fixture(scope="module")
def api(kube: Kube) -> Iterator[Kube]:
    """kubectl with the copies of the CRDs installed."""
    kube.apply(copied_crd(), copied_pool_crd(), copied_tenant_crd())
    for name in (RESOURCE, POOL_RESOURCE, TENANT_RESOURCE):
        kube.run("wait", f"crd/{name}", "--for=condition=Established", "--timeout=30s")
    yield kube
    for name in (RESOURCE, POOL_RESOURCE, TENANT_RESOURCE):
        kube.run("delete", "crd", name, "--timeout=60s")
