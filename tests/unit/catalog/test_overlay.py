"""Rows that an administrator adds or changes: what is right holds, what is wrong is named and left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.catalog import Catalog, catalog_texts, load_catalog, overlaid
from qwen3_operator.catalog.loader import FILES

TEXTS = catalog_texts()
SHIPPED = load_catalog()
DOCS = Path(__file__).parents[3] / "docs" / "catalog.md"
CONFIG = {
    "model_type": "qwen3",
    "num_hidden_layers": 36,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "tie_word_embeddings": False,
    "max_position_embeddings": 40960,
}
MODEL = {
    "name": "Acme-8B",
    "config": "acme.json",
    "useCases": ["Chat"],
    "thinking": "Hybrid",
    "nativeContext": 32768,
    "checkpoints": [{"quantization": "BF16", "repository": "acme/acme-8b", "source": "our own"}],
}
W8A8 = {"quantization": "W8A8", "repository": "acme/w8a8", "source": "our own"}
MARK = {"pool": "h200", "resource": "nvidia.com/gpu", "labels": {"gpu": "H20"}}


def _documents(**files: Any) -> dict[str, str]:
    """Documents by file; ``models=[...]`` becomes models.yaml."""
    return {
        f"{name}.yaml": rows if isinstance(rows, str) else yaml.safe_dump({name: rows}) for name, rows in files.items()
    }


def _model(**over: Any) -> dict[str, str]:
    """A model on a shipped config, with ``over`` in its row."""
    return _documents(models=[{**MODEL, "config": "Qwen3-8B.json", **over}])


def _refused(documents: dict[str, str]) -> tuple[Catalog, list[str]]:
    catalog, problems = overlaid(TEXTS, documents)
    return catalog, [str(problem) for problem in problems]


def _same(one: Catalog, other: Catalog) -> bool:
    """Everything but the version."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("models", "quantizations", "accelerators", "engine", "engines", "performance", "tolerated_taints")
    )


def test_without_documents_the_catalog_is_the_shipped_one() -> None:
    catalog, problems = overlaid(TEXTS, {})
    assert not problems
    assert catalog == SHIPPED


def test_a_new_model_is_a_config_and_a_few_lines() -> None:
    documents = _documents(models=[MODEL]) | {"acme.json": json.dumps(CONFIG)}
    catalog, problems = overlaid(TEXTS, documents)
    assert not problems
    assert set(catalog.models) == {*SHIPPED.models, "Acme-8B"}
    added, like = catalog.models["Acme-8B"], SHIPPED.models["Qwen3-8B"]
    assert added.parameters == like.parameters
    checkpoint = added.checkpoint(Quantization.BF16)
    assert checkpoint is not None
    assert (checkpoint.bytes, checkpoint.size) == (2 * like.parameters, "computed")


def test_a_new_model_may_use_a_shipped_config() -> None:
    catalog, problems = overlaid(TEXTS, _documents(models=[{**MODEL, "config": "Qwen3-8B.json"}]))
    assert not problems
    assert catalog.models["Acme-8B"].parameters == SHIPPED.models["Qwen3-8B"].parameters


def test_a_row_replaces_only_the_fields_it_names() -> None:
    catalog, problems = overlaid(TEXTS, _documents(accelerators=[{"name": "H20", "memoryBandwidthGBps": 4022}]))
    assert not problems
    assert catalog.accelerators["H20"] == SHIPPED.accelerators["H20"].model_copy(update={"bandwidth_gb": 4022.0})
    assert list(catalog.accelerators) == list(SHIPPED.accelerators)


def test_the_planners_engine_can_be_corrected() -> None:
    row = {"name": "SGLang", "version": "0.5.23", "stateSlotsPerRequest": 4}
    catalog, problems = overlaid(TEXTS, _documents(engines=[row]))
    assert not problems
    assert catalog.engine.state_slots_per_request == 4
    assert catalog.engine == catalog.engines["SGLang", "0.5.23"]


def test_taints_and_constants_are_rows_too() -> None:
    constant = next(iter(SHIPPED.performance.rows.values()))
    row = {"name": constant.name, "family": constant.family, "value": constant.value * 2, "source": "measured here"}
    documents = _documents(taints=[{"key": "acme.example/gpu", "source": "ours"}], performance=[row])
    catalog, problems = overlaid(TEXTS, documents)
    assert not problems
    assert catalog.tolerated_taints == SHIPPED.tolerated_taints | {"acme.example/gpu"}
    changed = [row for row in catalog.performance.rows.values() if row.source == "measured here"]
    assert [row.value for row in changed] == [constant.value * 2]


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        (_model(nativeContext="long"), "models.yaml, row 1 (Acme-8B), field nativeContext: "),
        (_model(contexts=1), "row 1 (Acme-8B), field contexts: Extra"),
        (_documents(models=[MODEL]), "row 1 (Acme-8B), field config: there is no file acme.json"),
        (_model(checkpoints=[W8A8]), "field checkpoints: bytes are needed"),
        (_documents(models=["Qwen3-8B"]), "models.yaml, row 1 (None)"),
        (_documents(models="models: {"), "models.yaml: while parsing"),
        (_documents(models="model: []"), "models.yaml: expected a list under 'models'"),
        (_documents(accelerators=[{"name": "H100-SXM", "memoryMiB": -1}]), "row 1 (H100-SXM), field memoryMiB: "),
        (_documents(accelerators=[{"name": "New"}]), "accelerators.yaml, row 1 (New), field vendor: Field required"),
        (_documents(accelerators=[{"name": "H20", "nodes": [MARK]}]), "field nodes: pool h200 is taken by H200-SXM"),
        (
            _documents(quantizations=[{"name": "FP8", "bits": None}]),
            "quantizations.yaml, row 1 (FP8): models.yaml, row Qwen3-0.6B, field checkpoints: bytes are needed",
        ),
        (_documents(quantizations=[{"name": "INT3"}]), "quantizations.yaml, row 1 (INT3), field name: "),
        ({"Qwen3-8B.json": "{"}, "Qwen3-8B.json: Qwen3-8B.json is no JSON"),
        ({"Qwen3-8B.json": "[]"}, "Qwen3-8B.json: Qwen3-8B.json holds no JSON object"),
        ({"Qwen3-8B.json": "{}"}, "num_hidden_layers"),
        ({"prices.yaml": "prices: []"}, "prices.yaml: is no file of the catalog: known are models.yaml, "),
    ],
)
def test_what_is_wrong_is_named_and_left_out(documents: dict[str, str], words: str) -> None:
    catalog, problems = _refused(documents)
    assert len(problems) == 1
    assert words in problems[0]
    assert _same(catalog, SHIPPED)


def test_a_bad_row_does_not_take_the_good_ones_with_it() -> None:
    good = {**MODEL, "name": "Good", "config": "Qwen3-8B.json"}
    bad = {**good, "name": "Bad", "thinking": "Sometimes"}
    documents = _documents(models=[bad, good], accelerators="accelerators: [", taints=[{"key": "k", "source": "s"}])
    catalog, problems = _refused(documents)
    assert ["Good" in catalog.models, "Bad" in catalog.models, "k" in catalog.tolerated_taints] == [True, False, True]
    assert [problem.split(":")[0].split(",")[0] for problem in problems] == ["accelerators.yaml", "models.yaml"]


def test_a_row_that_occurs_twice_counts_once() -> None:
    rows = [{"name": "H20", "memoryBandwidthGBps": speed} for speed in (4022, 1)]
    catalog, problems = _refused(_documents(accelerators=rows))
    assert problems == ["accelerators.yaml, row 2 (H20): occurs twice"]
    assert catalog.accelerators["H20"].bandwidth_gb == 4022


def test_the_version_covers_the_documents() -> None:
    versions = {
        overlaid(TEXTS, documents)[0].version
        for documents in ({}, {"x.json": "{"}, {"x.json": "["}, _documents(taints=[{"key": "k", "source": "s"}]))
    }
    assert len(versions) == 4


def test_the_documented_example_works() -> None:
    """The ConfigMap in docs/catalog.md, as it stands there."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    maps = [yaml.safe_load(block) for block in blocks]
    example = next(found for found in maps if isinstance(found, dict) and found.get("kind") == "ConfigMap")
    catalog, problems = overlaid(TEXTS, example["data"])
    assert not problems
    assert set(catalog.models) > set(SHIPPED.models)
    assert set(catalog.accelerators) > set(SHIPPED.accelerators)
    added = catalog.accelerators["RTX-6000-Ada"]
    assert added.memory_bandwidth, "else no speed is predicted"
    assert added.rates["BF16"]


@settings(max_examples=25)
@given(
    documents=st.dictionaries(
        st.sampled_from([*FILES, "Qwen3-8B.json", "other.txt"]), st.text(max_size=60), min_size=1, max_size=3
    )
)
def test_no_text_breaks_the_catalog(documents: dict[str, str]) -> None:
    catalog, problems = overlaid(TEXTS, documents)
    assert {problem.file for problem in problems} == set(documents)
    assert _same(catalog, SHIPPED)


@settings(max_examples=40)
@given(
    file=st.sampled_from(FILES),
    row=st.dictionaries(
        st.sampled_from(["name", "version", "key", "family", "checkpoints", "nodes", "runs", "bits", "config"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2),
        min_size=1,
    ),
    name=st.sampled_from(["Qwen3-8B", "H100-SXM", "FP8", "SGLang", "new"]),
)
def test_no_row_breaks_the_catalog(file: str, row: dict[str, Any], name: str) -> None:
    rows = yaml.safe_dump({file.removesuffix(".yaml"): [{"name": name, **row}]})
    catalog, problems = overlaid(TEXTS, {file: rows})
    assert problems == () or _same(catalog, SHIPPED)
