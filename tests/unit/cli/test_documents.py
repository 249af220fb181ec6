"""Wrong documents are refused with the field, the value and what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from qwen3_operator.cli.documents import read_deployments
from qwen3_operator.cli.errors import InputError
from tests.objects import merged
from tests.unit.cli.samples import EXAMPLES, GOOD, written

if TYPE_CHECKING:
    from pathlib import Path


def _refusal(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as refused:
        read_deployments([written(folder, "cr.yaml", text)])
    return str(refused.value)


def _changed(**spec: Any) -> str:
    raw = yaml.safe_load(GOOD)
    raw["spec"] = merged(raw["spec"], spec)
    return yaml.safe_dump(raw)


def test_every_example_of_the_docs_is_read() -> None:
    files = sorted(map(str, EXAMPLES.glob("*.yaml")))
    assert len(read_deployments(files)) >= len(files) > 0


def test_documents_keep_their_order_and_other_kinds_are_passed_over(tmp_path: Path) -> None:
    other = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n---\n"
    second = GOOD.replace("name: a, namespace: team", "name: b")
    found = read_deployments([written(tmp_path, "cr.yaml", f"{GOOD}{other}{second}")])
    assert [document.key for document in found] == [("team", "a"), ("", "b")]


def test_a_list_as_kubectl_prints_it_is_read(tmp_path: Path) -> None:
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(GOOD)]})
    assert [found.name for found in read_deployments([written(tmp_path, "l.yaml", text)])] == ["a"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": {"quantisation": "FP8"}}, "spec.model.quantisation is not a field: did you mean quantization?"),
        ({"modle": {}}, "spec.modle is not a field: did you mean model?"),
        ({"zzz": 1}, "spec.zzz is not a field: it takes drainTimeoutSeconds, engine, hardware,"),
        ({"replicas": "2"}, 'spec.replicas is "2": it must be a valid integer'),
        ({"replicas": -1}, "spec.replicas is -1: it must be greater than or equal to 0"),
        ({"model": {"quantization": "fp8"}}, "spec.model.quantization is \"fp8\": it must be 'Auto', 'BF16', 'FP8'"),
        ({"model": {"name": None}}, "spec.model.name is missing: it is required"),
        ({"hardware": {"pools": ["a", 7]}}, 'spec.hardware.pools[1] is 7: write it in quotes, as "7"'),
        ({"slo": {"timeToFirstToken": "fast"}}, "such as 500ms, 1.5s or 2m"),
        ({"slo": {"timeToFirstToken": "1us"}}, "'1us' is no duration above zero in ms, s or m"),
        ({"slo": {"timeToFirstToken": 2}}, 'timeToFirstToken is 2: write it with its unit, as "2s" or "2ms"'),
        ({"hardware": {"maxCostPerHour": 12.5}}, 'maxCostPerHour is 12.5: write it in quotes, as "12.5"'),
        ({"workload": {"outputTokens": {"p95": 10}}}, "spec.workload.outputTokens needs spec.workload.inputTokens"),
        ({"engine": {"extraArgs": ["--host=0.0.0.0"]}}, "must not set --host or --port"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    refusal = _refusal(tmp_path, _changed(**change))
    assert words in refusal
    assert "document 1 (a)" in refusal


def test_a_schedule_is_judged_beyond_the_rules(tmp_path: Path) -> None:
    night = {"name": "night", "start": "0 20 * * *", "end": "0 6 31 2 *", "minReplicas": 0}
    text = _changed(scaling={"mode": "Auto", "maxReplicas": 2, "schedules": [night]})
    words = "spec.scaling.schedules[night].end is 0 6 31 2 *: there is no such day in 50 years"
    assert words in _refusal(tmp_path, text)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("v1alpha1", "v1") + "---\n" + _changed(replicas="x", modle={}) + "---\n- 1\n"
    refusal = _refusal(tmp_path, text)
    assert "document 1: apiVersion 'serving.qwen3.io/v1' must be serving.qwen3.io/v1alpha1" in refusal
    assert "spec.modle" in refusal
    assert "spec.replicas" in refusal
    assert "document 3: not a Kubernetes object but list" in refusal


def test_broken_rules_are_named_beside_wrong_fields(tmp_path: Path) -> None:
    source = {"source": {"persistentVolumeClaim": {"claimName": "w"}, "s3": {"bucket": "b", "endpoint": "https://s"}}}
    changed = _changed(replicas="x", modle={}, model=source, slo={"timeToFirstToken": "1us"})
    refusal = _refusal(tmp_path, changed.replace("name: a\n", "name: A.B\n", 1))
    for words in ("spec.replicas", "spec.modle", "'1us'", "metadata.name must start with", "spec.model.source"):
        assert refusal.count(words) == 1, refusal


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "spec: 1\n",
        "spec: {model: 2026-01-01, slo: [1]}\n",
        "spec: {model: {source: {persistentVolumeClaim: {path: 1}}}, engine: {extraArgs: [1]}}\n",
    ],
)
def test_rules_that_cannot_be_judged_are_no_error_of_their_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spec: str
) -> None:
    text = f"apiVersion: serving.qwen3.io/v1alpha1\nkind: Qwen3Deployment\nmetadata: 3\n{spec}"
    assert "metadata.name is missing" in _refusal(tmp_path, text)
    assert not caplog.records


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no Qwen3Deployment: it is empty"),
        ("kind: Pod\n", "has no Qwen3Deployment: it holds Pod"),
        ("kind: Qwen3Deploymnt\n", "did you mean Qwen3Deployment?"),
        ("a: [1\n", "is not YAML: line 2, column 1"),
        ("a: 1\na: 2\n", "line 2, column 1: 'a' occurs twice"),
        (f"{GOOD}---{GOOD}", "Qwen3Deployment team/a occurs twice"),
        (GOOD.replace("name: a, ", ""), "metadata.name is missing"),
        (GOOD.replace("name: a,", "name: A.B,"), "metadata.name must start with a letter"),
    ],
)
def test_a_file_without_a_sound_deployment(tmp_path: Path, text: str, words: str) -> None:
    assert words in _refusal(tmp_path, text)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, words in (("missing.yaml", "No such file"), ("binary", "not UTF-8"), (".", "Is a directory")):
        with pytest.raises(InputError, match=words):
            read_deployments([str(tmp_path / name)])
