from __future__ import annotations

import pytest
from pydantic import ValidationError

from qwen3_operator.settings import from_environment
from qwen3_runtime.config import Device

REQUIRED = {"POD_NAMESPACE": "qwen3-system"}


def test_defaults() -> None:
    settings = from_environment(REQUIRED, "host-1")
    assert (settings.own_namespace, settings.identity) == ("qwen3-system", "host-1")
    assert (settings.namespaces, settings.images, settings.runtime_classes) == ((), {}, {})


def test_everything_the_chart_sets_is_read() -> None:
    settings = from_environment(
        {
            **REQUIRED,
            "POD_NAME": "operator-1",
            "QWEN3_NAMESPACES": "a, b,",
            "QWEN3_IMAGE_CPU": "cpu:1",
            "QWEN3_IMAGE_NPU": "",
            "QWEN3_NPU_RUNTIME_CLASS": "ascend",
            "QWEN3_WORKERS": "8",
            "QWEN3_RESYNC_SECONDS": "60",
            "QWEN3_LOG_LEVEL": "DEBUG",
            "QWEN3_HTTP_PORT": "9090",
            "QWEN3_LEASE_NAME": "mine",
            "QWEN3_IMAGE_PULL_POLICY": "Always",
        },
        "host-1",
    )
    assert settings.identity == "operator-1"
    assert settings.namespaces == ("a", "b")
    assert settings.images == {Device.CPU: "cpu:1"}
    assert settings.runtime_classes == {Device.NPU: "ascend"}
    assert (settings.workers, settings.resync_seconds, settings.http_port) == (8, 60, 9090)
    assert (settings.log_level, settings.lease_name, settings.image_pull_policy) == ("DEBUG", "mine", "Always")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POD_NAMESPACE", ""),
        ("QWEN3_WORKERS", "0"),
        ("QWEN3_LOG_LEVEL", "loud"),
        ("QWEN3_IMAGE_PULL_POLICY", "Sometimes"),
        ("QWEN3_HTTP_PORT", "http"),
    ],
)
def test_wrong_values_are_refused(variable: str, value: str) -> None:
    with pytest.raises(ValidationError):
        from_environment({**REQUIRED, variable: value}, "host-1")
