"""Strict schemas of everything that the chart renders.

Kubernetes' own kinds, CustomResourceDefinition among them, by kubernetes-validate: the OpenAPI schemas of the version
that the test cluster runs, unknown fields refused. PodMonitor by the CRD that prometheus-operator ships
(``data/podmonitor-crd.json``), closed the same way, since the API server only prunes what it does not know.
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

PODMONITOR_CRD = Path(__file__).parent / "data" / "podmonitor-crd.json"


def validate(found: Object) -> None:
    """Raise `jsonschema.ValidationError` for a wrong type, a missing or an unknown field."""
    if found["kind"] == "PodMonitor":
        jsonschema.Draft202012Validator(_pod_monitor_schema()).validate(found)
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


def _pod_monitor_schema() -> Object:
    versions = json.loads(PODMONITOR_CRD.read_text())["spec"]["versions"]
    schema: Object = closed(versions[0]["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object", "required": ["name", "namespace"]}
    return schema
