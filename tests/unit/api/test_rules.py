"""Every CEL rule with its examples, judged without an API server; tests/api asks a real one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from qwen3_operator.api import pool, tenant
from qwen3_operator.api.deployment import DeploymentSpec, Qwen3Deployment
from qwen3_operator.api.intent import seconds
from qwen3_operator.cli.rules import broken_rules
from tests.api.given import rules, tried, whole

ROOTS = {pool.__name__: pool.AcceleratorPool, tenant.__name__: tenant.Qwen3Tenant}


@pytest.mark.parametrize(("model", "rule"), [pytest.param(*entry, id=entry[1].message[:40]) for entry in rules()])
def test_rule(model: Any, rule: Any) -> None:
    root = ROOTS.get(model.__module__, Qwen3Deployment)
    assert broken_rules(tried(model, rule.good), root) == []
    assert rule.message in broken_rules(tried(model, rule.bad), root)


@pytest.mark.parametrize(("text", "length"), [("1s", 1.0), ("500ms", 0.5), ("1.5s", 1.5), ("0.5s", 0.5), ("2m", 120.0)])
def test_durations(text: str, length: float) -> None:
    assert seconds(text) == pytest.approx(length)
    assert broken_rules(whole(slo={"timeToFirstToken": text})) == []


@pytest.mark.parametrize("text", ["0s", "0.0s", ".5s", "1s\n", "s", "1", "1 s", "-1s", "1h", "1e3ms", "1.s.", ""])
def test_what_is_no_duration_is_refused_on_both_sides(text: str) -> None:
    made = whole(slo={"timeToFirstToken": text})
    assert any("spec.slo.timeToFirstToken must be a duration" in message for message in broken_rules(made))
    with pytest.raises(ValidationError, match="is no duration above zero"):
        DeploymentSpec.model_validate(made["spec"])


@pytest.mark.parametrize("text", ["0", "0.00", "-1", "1,5", "two", "1e3"])
def test_what_is_no_price_is_refused_on_both_sides(text: str) -> None:
    made = whole(hardware={"maxCostPerHour": text})
    assert any("spec.hardware.maxCostPerHour must be a decimal" in message for message in broken_rules(made))
    with pytest.raises(ValidationError, match="is no decimal number above zero"):
        DeploymentSpec.model_validate(made["spec"])
