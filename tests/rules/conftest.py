"""The rules as the charts ship them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart import chart
from tests.chart.chart import REPOSITORY, of_kind
from tests.rules import promtool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def program() -> Path:
    """promtool."""
    return promtool.program()


@pytest.fixture(scope="session")
def shipped() -> dict[str, str]:
    """Rule files by chart, as rendered."""
    helm = chart.provided()
    (made,) = of_kind(helm.render({"metrics": {"rules": {"enabled": True}}}), "PrometheusRule")
    small = helm.render({}, chart=REPOSITORY / "charts" / "qwen3-prometheus", release="prometheus")
    (config,) = of_kind(small, "ConfigMap")
    return {"qwen3-operator": yaml.safe_dump(made["spec"]), "qwen3-prometheus": config["data"]["rules.yml"]}


@pytest.fixture(scope="session")
def rules(shipped: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator chart's."""
    path: Path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(shipped["qwen3-operator"], encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def alerts(shipped: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Alert rules by name."""
    groups = yaml.safe_load(shipped["qwen3-operator"])["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
