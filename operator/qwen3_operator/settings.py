"""What the chart sets: the operator's environment variables, parsed once at start."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # pydantic reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from qwen3_runtime.config import Device, Engine

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELD_MANAGER = "qwen3-operator"
"""Server-side apply's owner of our fields, reporting controller of our Events, ``app.kubernetes.io/managed-by``."""

_VARIABLES = {
    "own_namespace": "POD_NAMESPACE",
    "identity": "POD_NAME",
    "lease_name": "QWEN3_LEASE_NAME",
    "gateway": "QWEN3_GATEWAY",
    "full_name": "QWEN3_FULL_NAME",
    "catalog_config_map": "QWEN3_CATALOG_CONFIG_MAP",
    "workers": "QWEN3_WORKERS",
    "resync_seconds": "QWEN3_RESYNC_SECONDS",
    "log_level": "QWEN3_LOG_LEVEL",
    "http_port": "QWEN3_HTTP_PORT",
    "image_pull_policy": "QWEN3_IMAGE_PULL_POLICY",
}
_PROMETHEUS_VARIABLES = {"url": "QWEN3_PROMETHEUS_URL", "token_file": "QWEN3_PROMETHEUS_TOKEN_FILE"}
_ADMISSION_VARIABLES = {
    "name": "QWEN3_ADMISSION_NAME",
    "configuration": "QWEN3_ADMISSION_CONFIGURATION",
    "port": "QWEN3_ADMISSION_PORT",
}


class AdmissionSettings(BaseModel):
    """The validating webhook of one operator process."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(min_length=1)]
    """Of the Service in front of the webhook, and of the Secret with its certificates."""
    configuration: Annotated[str, Field(min_length=1)]
    """Name of the ValidatingWebhookConfiguration."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 9443


class PrometheusSettings(BaseModel):
    """Where the autoscaler reads."""

    model_config = ConfigDict(frozen=True)

    url: HttpUrl
    """Of the server, or of what speaks its API, without /api/v1."""
    token_file: Path | None = None
    """Bearer token; None: none."""


class Settings(BaseModel):
    """Values of one operator process."""

    model_config = ConfigDict(frozen=True)

    own_namespace: Annotated[str, Field(min_length=1)]
    """Where the Lease lies, and the gateway with its tenants."""
    identity: Annotated[str, Field(min_length=1)]
    """Unique per replica: holder of the Lease, reporting instance of Events."""
    namespaces: tuple[str, ...] = ()
    """Namespaces that are served. Empty: all."""
    images: dict[Device, str] = Field(default_factory=dict)
    """Runtime image with SGLang, per kind of device."""
    engine_images: dict[Engine, dict[Device, str]] = Field(default_factory=dict)
    """Runtime images with other engines, per kind of device."""
    image_pull_policy: Annotated[str, Field(pattern="^(Always|IfNotPresent|Never)$")] = "IfNotPresent"
    runtime_classes: dict[Device, str] = Field(default_factory=dict)
    """RuntimeClass per kind of device, where the cluster has one (``nvidia``, ``ascend``)."""
    lease_name: str = "qwen3-operator"
    gateway: bool = False
    """Whether there is a gateway to be told of tenants and routes."""
    full_name: str = "qwen3-operator"
    """Of the release; the gateway's objects are named after it."""
    catalog_config_map: str = "qwen3-operator-catalog"
    """Name of the ConfigMap in the own namespace whose rows override the shipped catalog."""
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    """Objects that are reconciled at a time."""
    resync_seconds: Annotated[float, Field(ge=1)] = 300
    """Mean period of the sweep; each round is shifted by up to 10 % at random."""
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    admission: AdmissionSettings | None = None
    """None: no warnings at ``kubectl apply``."""
    prometheus: PrometheusSettings | None = None
    """None: nothing is scaled, and the condition Autoscaling says so."""

    def image(self, engine: Engine, device: Device) -> str | None:
        """Runtime image with the engine for a kind of device; None where there is none."""
        found = self.images if engine is Engine.SGLANG else self.engine_images.get(engine, {})
        return found.get(device)


def image_variable(engine: Engine, device: Device) -> str:
    """The environment variable that names this image."""
    named = "" if engine is Engine.SGLANG else f"{engine.value.upper()}_"
    return f"QWEN3_IMAGE_{named}{device.value.upper()}"


def image_value(engine: Engine, device: Device) -> str:
    """The chart's value that sets it."""
    return f"runtimes.{device}.image" if engine is Engine.SGLANG else f"runtimes.engines.{engine}.{device}"


def from_environment(environment: Mapping[str, str], hostname: str) -> Settings:
    """Settings of this process. Raises `pydantic.ValidationError` naming what is missing or wrong."""
    values: dict[str, Any] = {"identity": hostname}
    values |= {field: environment[name] for field, name in _VARIABLES.items() if environment.get(name)}
    values["namespaces"] = tuple(
        part.strip() for part in environment.get("QWEN3_NAMESPACES", "").split(",") if part.strip()
    )
    images = {engine: _images(environment, engine) for engine in Engine}
    values["images"] = images.pop(Engine.SGLANG)
    values["engine_images"] = {engine: found for engine, found in images.items() if found}
    values["runtime_classes"] = _runtime_classes(environment)
    admission = {field: environment[name] for field, name in _ADMISSION_VARIABLES.items() if environment.get(name)}
    values["admission"] = admission or None
    prometheus = {field: environment[name] for field, name in _PROMETHEUS_VARIABLES.items() if environment.get(name)}
    values["prometheus"] = prometheus or None
    return Settings.model_validate(values)


def _images(environment: Mapping[str, str], engine: Engine) -> dict[Device, str]:
    named = ((device, environment.get(image_variable(engine, device), "")) for device in Device)
    return {device: value for device, value in named if value}


def _runtime_classes(environment: Mapping[str, str]) -> dict[Device, str]:
    named = ((device, environment.get(f"QWEN3_{device.value.upper()}_RUNTIME_CLASS", "")) for device in Device)
    return {device: value for device, value in named if value}
