"""Fixtures of the chart's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart.chart import CI_VALUES, Helm, provided

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The real helm."""
    return provided()


@pytest.fixture(scope="session")
def cluster_helm(helm: Helm, kubeconfig: Path) -> Helm:
    """Helm as administrator of the test cluster."""
    return Helm(helm.program, kubeconfig)


@pytest.fixture(params=CI_VALUES, ids=lambda path: path.stem.removesuffix("-values"))
def ci_values(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each values file of the chart's ``ci/`` in turn."""
    path: Path = request.param
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values
