"""The gateway's command line."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.config import API_PORT, MANAGEMENT_PORT

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Settings:
    """What one gateway process is told."""

    tenants: Path | None
    routes: Path | None
    """Both, or neither: then the two objects are watched in the cluster."""
    usage_token: Path | None
    """Only beside them; None: usage and ledger stay closed."""
    namespace: str
    fullname: str
    port: int
    management_port: int
    certificate: Path | None
    key: Path | None
    drain_seconds: int
    max_wait_seconds: float
    max_hold_seconds: float
    ledger: Path | None
    """None: nothing is kept, and quotas begin anew with the process."""
    store: str | None
    """URL of the Valkey or Redis that all gateways share; None: this one is alone."""


def read_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Settings from the command line; exits with a sentence where it is wrong."""
    parser = argparse.ArgumentParser("qwen3-gateway", description="The front door of all tenants.")
    parser.add_argument("--tenants", type=Path, help="file with tenants.json, instead of the Secret")
    parser.add_argument("--routes", type=Path, help="file with routes.json, instead of the ConfigMap")
    parser.add_argument(
        "--usage-token", type=Path, help="file with the token of /usage and /ledger, instead of the Secret's"
    )
    parser.add_argument("--namespace", default="", help="namespace of the Secret and the ConfigMap")
    parser.add_argument("--fullname", default="", help="name that both start with")
    parser.add_argument("--port", type=int, default=API_PORT)
    parser.add_argument("--management-port", type=int, default=MANAGEMENT_PORT)
    parser.add_argument("--certificate", type=Path, help="TLS certificate chain (PEM)")
    parser.add_argument("--key", type=Path, help="key of the certificate (PEM)")
    parser.add_argument("--drain-seconds", type=int, default=120, help="for running requests after SIGTERM")
    parser.add_argument("--max-wait-seconds", type=float, default=30, help="no request waits longer for a busy model")
    parser.add_argument("--max-hold-seconds", type=float, default=600, help="nor for one that wakes from zero")
    parser.add_argument(
        "--ledger", type=Path, help="folder of the ledger, on a volume that stays; without it none is kept"
    )
    parser.add_argument(
        "--store", default=os.environ.get("QWEN3_GATEWAY_STORE"), help="valkey://host:port of shared counters"
    )
    given = parser.parse_args(arguments)
    if (given.tenants is None) != (given.routes is None):
        parser.error("--tenants and --routes go together")
    if given.usage_token is not None and given.tenants is None:
        parser.error("--usage-token goes with --tenants and --routes; else the Secret has the token")
    if given.tenants is None and not (given.namespace and given.fullname):
        parser.error("without --tenants and --routes, --namespace and --fullname say which objects to watch")
    if (given.certificate is None) != (given.key is None):
        parser.error("--certificate and --key go together")
    return Settings(**vars(given))
