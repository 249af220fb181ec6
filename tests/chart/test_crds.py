"""The chart carries the CRDs of the repository, unchanged, and never deletes them."""

from __future__ import annotations

import pytest
import yaml

from tests.chart.chart import CRDS, Helm, of_kind

FILES = sorted(CRDS.glob("*.yaml"))


def test_every_crd_is_rendered_as_generated(helm: Helm) -> None:
    rendered = {found["metadata"]["name"]: found for found in of_kind(helm.render({}), "CustomResourceDefinition")}
    assert FILES
    assert len(rendered) == len(FILES)
    for path in FILES:
        generated = yaml.safe_load(path.read_text())
        found = rendered[generated["metadata"]["name"]]
        assert found["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        own = generated["metadata"]
        assert found["metadata"]["annotations"].items() >= own.get("annotations", {}).items()
        assert found["metadata"]["labels"].items() >= own.get("labels", {}).items()
        assert {**found, "metadata": own} == generated


@pytest.mark.parametrize(("enabled", "count"), [(True, len(FILES)), (False, 0)])
def test_crds_can_be_left_out(helm: Helm, enabled: bool, count: int) -> None:  # noqa: FBT001 - pytest fills it in
    assert len(of_kind(helm.render({"crds": {"enabled": enabled}}), "CustomResourceDefinition")) == count
