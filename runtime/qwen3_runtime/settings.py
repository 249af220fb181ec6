"""What the process reads from its environment, once, before anything else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from qwen3_runtime.config import (
    API_PORT,
    CONFIG_VARIABLE,
    GROUP_LEADER_VARIABLE,
    GROUP_RANK_VARIABLE,
    MANAGEMENT_PORT,
    RuntimeConfig,
)
from qwen3_runtime.lora.listed import ListError, with_list

if TYPE_CHECKING:
    from collections.abc import Mapping


HANG_SECONDS = 60.0
"""A worker that has work is never off the processor for a fraction of that."""


class ConfigError(Exception):
    """The environment does not describe a pod that could run; the text names the field."""


@dataclass(frozen=True)
class Settings:
    """The pod's configuration and the places of the container it lives in."""

    config: RuntimeConfig
    api_port: int
    management_port: int
    engine_python: Path
    """Interpreter of the engine's own environment."""
    engine_description: Path
    """JSON file of the image: ``{"name", "version", "device"}``."""
    cgroup_root: Path
    hang_seconds: float
    """After so long without a sign of work, with requests waiting, the engine is taken to hang."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables.

    Raises:
        ConfigError: naming the variable or the field of the configuration.
    """
    return Settings(
        config=_placed(_listed(_read_config(environ)), environ),
        api_port=_port(environ, "QWEN3_RUNTIME_API_PORT", API_PORT),
        management_port=_port(environ, "QWEN3_RUNTIME_MANAGEMENT_PORT", MANAGEMENT_PORT),
        engine_python=Path(environ.get("QWEN3_ENGINE_PYTHON", "/opt/engine/bin/python")),
        engine_description=Path(environ.get("QWEN3_ENGINE_DESCRIPTION", "/opt/engine/engine.json")),
        cgroup_root=Path(environ.get("QWEN3_CGROUP_ROOT", "/sys/fs/cgroup")),
        hang_seconds=_seconds(environ, "QWEN3_ENGINE_HANG_SECONDS", HANG_SECONDS),
    )


def termination_log(environ: Mapping[str, str]) -> Path:
    """File whose content the kubelet shows as the container's termination message."""
    return Path(environ.get("QWEN3_TERMINATION_LOG", "/dev/termination-log"))


def _read_config(environ: Mapping[str, str]) -> RuntimeConfig:
    text = environ.get(CONFIG_VARIABLE)
    if text is None:
        raise ConfigError(f"the environment variable {CONFIG_VARIABLE} is not set")
    try:
        return RuntimeConfig.model_validate_json(text)
    except ValidationError as error:
        problems = (
            f"{'.'.join(str(part) for part in problem['loc']) or CONFIG_VARIABLE}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise ConfigError("; ".join(problems)) from error


def _listed(config: RuntimeConfig) -> RuntimeConfig:
    """The configuration with the adapters that it starts with."""
    try:
        return with_list(config)
    except ListError as error:
        raise ConfigError(f"adapters.listPath: {error}") from error


def _placed(config: RuntimeConfig, environ: Mapping[str, str]) -> RuntimeConfig:
    """The configuration with this pod's place in its group."""
    if config.group is None:
        return config
    rank, leader = environ.get(GROUP_RANK_VARIABLE, ""), environ.get(GROUP_LEADER_VARIABLE, "")
    if not rank.isdigit() or int(rank) >= config.group.nodes:
        raise ConfigError(f"{GROUP_RANK_VARIABLE}: {rank!r} is not a rank below {config.group.nodes}")
    if not leader:
        raise ConfigError(f"the environment variable {GROUP_LEADER_VARIABLE} is not set")
    return config.model_copy(update={"group": config.group.model_copy(update={"rank": int(rank), "leader": leader})})


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    text = environ.get(variable, str(default))
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(f"{variable}: {text!r} is not a port number") from error


def _seconds(environ: Mapping[str, str], variable: str, default: float) -> float:
    text = environ.get(variable, str(default))
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"{variable}: {text!r} is no number of seconds") from error
