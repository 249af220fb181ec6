from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.given import RESOURCE, copied_crd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube


@pytest.fixture(scope="module")
def api(kube: Kube) -> Iterator[Kube]:
    """kubectl with the copy of the CRD installed."""
    kube.apply(copied_crd())
    kube.run("wait", f"crd/{RESOURCE}", "--for=condition=Established", "--timeout=30s")
    yield kube
    kube.run("delete", "crd", RESOURCE, "--timeout=60s")
