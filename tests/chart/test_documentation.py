"""What a person reads: comments, README, NOTES."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from tests.chart.chart import CRDS, NAMESPACE, RELEASE, Helm
from tests.chart.documentation import BEGIN, END, README, comments, table

if TYPE_CHECKING:
    from tests.chart.chart import Object


def test_every_value_has_a_comment() -> None:
    bare = [".".join(path) for path, text in comments().items() if not text]
    known = ("resources.", "runtimes.engines.")
    assert [name for name in bare if not name.removeprefix("gateway.").startswith(known)] == []


def test_readme_lists_the_values() -> None:
    written = README.read_text().split(BEGIN)[1].split(END)[0].strip()
    assert written == table(), "run `python3 -m tests.chart.documentation`"


def test_notes_begin_with_what_to_do(helm: Helm, ci_values: Object) -> None:
    notes = helm.notes(ci_values)
    name = ci_values.get("fullnameOverride", RELEASE)
    namespace = ci_values.get("watchNamespaces", ["models"])[0]
    for line in (
        f"kubectl -n {NAMESPACE} rollout status deployment/{name}",
        f"kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=restricted",
        f"kubectl -n {namespace} get q3d -w",
        f"kubectl -n {namespace} describe q3d qwen3-8b",
    ):
        assert f"\n   {line}\n" in notes
    assert "<no value>" not in notes
    assert not re.search(r"\n{3,}", notes)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"crds": {"enabled": False}}, "crds.enabled is false"),
        ({"rbac": {"create": False}}, "rbac.create is false: give the ServiceAccount qwen3-operator"),
        ({"replicas": 2}, "get lease qwen3-operator"),
        ({"runtimes": {"npu": {"image": {"repository": ""}}}}, "No image for npu"),
        ({"metrics": {"scrape": "None"}}, "set metrics.scrape to"),
    ],
)
def test_notes_depend_on_the_values(helm: Helm, values: Object, sentence: str) -> None:
    other = {"metrics": {"scrape": "Annotations"}}
    assert sentence in helm.notes(values)
    assert sentence not in helm.notes(other)


def test_the_example_of_the_notes_is_a_valid_object(helm: Helm) -> None:
    example = yaml.safe_load(helm.notes({}).split("<<EOF\n")[1].split("   EOF")[0])
    crd = yaml.safe_load((CRDS / "serving.qwen3.io_qwen3deployments.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    jsonschema.Draft202012Validator(schema).validate(example)
    assert schema["properties"]["spec"]["properties"].keys() >= example["spec"].keys()
