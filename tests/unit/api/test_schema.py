from __future__ import annotations

from datetime import datetime  # noqa: TC003  # pydantic reads it at run time
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from qwen3_operator.api.base import ApiModel, as_map, as_set
from qwen3_operator.api.crd import DEFINITIONS, Definition, crd, files, main
from qwen3_operator.api.schema import structural

REFUSED_BY_THE_API_SERVER = {"$ref", "$defs", "title", "anyOf", "oneOf", "const", "prefixItems", "uniqueItems"}


class Inner(ApiModel):
    """Inner words."""

    size: Annotated[int, Field(gt=0, lt=9)] = 3
    """Size."""


class Outer(ApiModel):
    """Outer words
    on two lines.
    """

    inner: Inner = Inner()
    kind: Literal["only"] = "only"
    when: datetime | None = None
    names: Annotated[tuple[str, ...], Field(max_length=2), as_set()] = ()
    parts: Annotated[tuple[Inner, ...], as_map("size")] = ()
    labels: dict[str, int] = Field(default_factory=dict)


class Union(ApiModel):
    value: int | str = 1


def nodes(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema and every schema inside it."""
    inside = [*schema.get("properties", {}).values()]
    inside += [schema[key] for key in ("items", "additionalProperties") if key in schema]
    return [schema, *(node for child in inside for node in nodes(child))]


@pytest.fixture(params=DEFINITIONS, ids=lambda definition: definition.kind)
def root(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Schema of a whole object of each kind."""
    definition: Definition = request.param
    schema: dict[str, Any] = crd(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def test_rewrites_what_the_api_server_refuses() -> None:
    schema = structural(Outer, defaults=True)
    assert schema["description"] == "Outer words on two lines."
    fields = schema["properties"]
    assert fields["inner"]["properties"]["size"] == {
        "description": "Size.", "type": "integer", "format": "int64",
        "minimum": 0, "exclusiveMinimum": True, "maximum": 9, "exclusiveMaximum": True, "default": 3,
    }  # fmt: skip
    assert fields["inner"]["default"] == {}
    assert fields["kind"] == {"type": "string", "enum": ["only"], "default": "only"}
    assert fields["when"] == {"type": "string", "format": "date-time"}
    assert fields["names"]["x-kubernetes-list-type"] == "set"
    assert fields["parts"]["x-kubernetes-list-map-keys"] == ["size"]
    assert "default" not in fields["names"]
    assert fields["labels"] == {"type": "object", "additionalProperties": {"type": "integer", "format": "int64"}}


def test_status_gets_no_defaults() -> None:
    assert all("default" not in node for node in nodes(structural(Outer, defaults=False)))


def test_a_union_is_named() -> None:
    with pytest.raises(ValueError, match="a union has no structural form"):
        structural(Union, defaults=True)


def test_crd_is_structural(root: dict[str, Any]) -> None:
    found = nodes(root)
    assert len(found) > 30
    for node in found:
        assert not REFUSED_BY_THE_API_SERVER & node.keys()
        assert node["type"] in {"object", "array", "string", "integer", "boolean"}
        assert isinstance(node.get("exclusiveMinimum", False), bool)


def test_everything_in_spec_is_bounded(root: dict[str, Any]) -> None:
    for node in nodes(root["properties"]["spec"]):
        if node["type"] == "array":
            assert {"maxItems", "x-kubernetes-list-type", "description"} <= node.keys()
        if node["type"] == "string":
            assert "enum" in node or "maxLength" in node
        if node["type"] == "integer":
            assert {"minimum", "maximum", "description"} <= node.keys()


def test_kubectl_explain_has_an_answer_for_every_field(root: dict[str, Any]) -> None:
    for part in ("spec", "status"):
        for node in nodes(root["properties"][part]):
            for name, child in node.get("properties", {}).items():
                assert child.get("description"), name


def test_no_default_in_status(root: dict[str, Any]) -> None:
    assert all("default" not in node for node in nodes(root["properties"]["status"]))


def test_committed_files_are_the_generated_ones() -> None:
    assert main(["--check"]) == 0


def test_check_names_a_stale_file(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    name = next(iter(files()))
    assert main(["--check", "--out", str(tmp_path)]) == 1
    assert name in capsys.readouterr().err
    assert main(["--out", str(tmp_path)]) == 0
    assert main(["--check", "--out", str(tmp_path)]) == 0
    (tmp_path / name).write_text("changed")
    assert main(["--check", "--out", str(tmp_path)]) == 1
