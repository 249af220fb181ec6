"""Strict schemas of everything that the chart renders.

Kubernetes' own kinds, CustomResourceDefinition among them, by kubernetes-validate: the OpenAPI schemas of the version
that the test cluster runs, unknown fields refused. PodMonitor, PrometheusRule and Certificate by the CRDs that
prometheus-operator and cert-manager ship (``data``), closed the same way, since the API server only prunes what it does
not know.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import kubernetes_validate

from tests.kind.versions import KUBERNETES

if TYPE_CHECKING:
    from tests.chart.chart import Object

_DATA = Path(__file__).parent / "data"
FOREIGN_CRDS = {
    "PodMonitor": _DATA / "podmonitor-crd.json",
    "PrometheusRule": _DATA / "prometheusrule-crd.json",
    "Certificate": _DATA / "certificate-crd.json",
}
"""By kind."""


def validate(found: Object) -> None:
    """Raise `jsonschema.ValidationError` for a wrong type, a missing or an unknown field."""
    if found["kind"] in FOREIGN_CRDS:
        jsonschema.Draft202012Validator(_foreign_schema(found["kind"])).validate(found)
    else:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


def closed(schema: Any) -> Any:
    """The schema with ``additionalProperties: false`` wherever properties are listed."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    # A field may be called "properties"; a schema's own has a type beside it.
    if "properties" in schema and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


def _foreign_schema(kind: str) -> Object:
    versions = json.loads(FOREIGN_CRDS[kind].read_text())["spec"]["versions"]
    schema: Object = closed(versions[0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object", "required": ["name", "namespace"]}
    return schema
