"""``table``: the planner's numbers for one request, as text and as a page."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.cli.table_page import main, page
from tests.unit.cli.samples import GOOD, ROOT, run, written

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "hardware-table.md"


def test_the_page_is_the_planners() -> None:
    assert page() == PAGE.read_text(), "run make docs-table"


def test_a_stale_page_is_found(tmp_path: Path) -> None:
    assert main(["--check", "--out", str(tmp_path / "missing.md")]) == 1
    assert main(["--check", "--out", written(tmp_path, "old.md", "old")]) == 1


def test_every_published_checkpoint_has_one_line() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| Qwen")]
    starts = [tuple(line.split(" | ")[:2]) for line in lines]
    assert len(starts) == len(set(starts)) > 100
    assert ("| Qwen3-32B", "BF16") in starts


def test_the_matrix() -> None:
    result = run("table", "--model", "Qwen3-32B", "--accelerator", "H100-SXM", "--accelerator", "Ascend-910B3")
    bf16, w8a8 = (next(line for line in result.stdout.splitlines() if f" {form} " in line) for form in ("BF16", "W8A8"))
    assert bf16.split()[:7] == ["Qwen3-32B", "BF16", "32768", "65.5", "GB", "74.1", "GB"]
    assert bf16.split()[7:9] == ["2", "x"], "65.5 GB do not fit beside 32,768 tokens on one"
    assert bf16.split()[10] in "mc"
    assert bf16.split()[-3:] == ["2", "x", "?"]
    assert w8a8.split()[-4:] == ["-", "1", "x", "?"], "no speed is claimed for Ascend"
    assert "without the engine's own reserve" in " ".join(result.stdout.split())


def test_speeds_are_those_of_a_plan() -> None:
    text = GOOD.replace("Qwen3-8B, contextLength: 8192", "Qwen3-235B-A22B, quantization: FP8")
    planned = json.loads(run("plan", "-f", "-", "--hardware", "1x8 H100-SXM", "-o", "json", stdin=text).stdout)
    placement = planned["plan"]["placements"][0]
    result = run("table", "--model", "Qwen3-235B-A22B", "--accelerator", "H100-SXM", "-o", "json")
    cell = next(row for row in json.loads(result.stdout) if row["quantization"] == "FP8")
    assert cell["devices"] == placement["devicesPerReplica"]
    assert round(cell["tokensPerSecond"]) == placement["predicted"]["tokensPerSecond"]
    assert cell["known"] == placement["predicted"]["source"]


def test_one_accelerator_says_why() -> None:
    result = run("table", "--model", "Qwen3-235B-A22B", "--accelerator", "Ascend-910B3")
    words = " ".join(result.stdout.split())
    assert "NeedsSeveralNodes: 16 devices of 2 nodes would hold it" in words
    assert "QuantizationUnsupported: FP8 runs on cuda devices only" in words
    assert "without the engine's own reserve" in words


def test_names_as_benchmarks_spell_them() -> None:
    usual = run("table", "--model", "Qwen3-8B", "--accelerator", "H100-SXM").stdout
    assert (
        run("table", "--model", "qwen/qwen3-8b", "--accelerator", "h100_sxm", "--accelerator", "H100").stdout == usual
    )


def test_csv_and_json_have_the_same_cells() -> None:
    arguments = ("table", "--model", "Qwen3-8B", "--model", "Qwen3-32B", "--context", "8192")
    rows = list(csv.DictReader(io.StringIO(run(*arguments, "-o", "csv").stdout)))
    records = json.loads(run(*arguments, "-o", "json").stdout)
    assert [{key: "" if value is None else str(value) for key, value in record.items()} for record in records] == rows
    assert {row["contextLength"] for row in rows} == {"8192"}
    assert {row["known"] for row in rows} <= {"measured", "calculated", "reported", "unknown"}
    for row in rows:
        assert bool(row["devices"]) != bool(row["reason"]), "either a number of devices or why there is none"


def test_a_context_beyond_the_models_own_is_cut() -> None:
    result = run("table", "--model", "Qwen3-0.6B", "--accelerator", "H20", "--context", "1000000", "-o", "csv")
    assert result.stdout.splitlines()[1].startswith("Qwen3-0.6B,BF16,40960,")


def test_more_context_never_needs_fewer_devices() -> None:
    counts = []
    for context in ("4096", "32768", "131072"):
        result = run("table", "--model", "Qwen3-32B", "--accelerator", "H100-SXM", "--context", context, "-o", "json")
        counts.append(next(r["devices"] for r in json.loads(result.stdout) if r["quantization"] == "BF16"))
    assert counts == sorted(counts)


def test_all_accelerators() -> None:
    result = run("table", "--model", "Qwen3-8B", "--accelerator", "all", "-o", "json")
    names = {record["accelerator"] for record in json.loads(result.stdout)}
    assert {"Ascend-310P3", "GB300", "A30"} <= names
    assert "CPU" not in names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "Qwen3-9B"), "model 'Qwen3-9B' is not known: did you mean Qwen3-"),
        (("--accelerator", "H1000"), "accelerator 'H1000' is not known: did you mean H100-"),
        (("--accelerator", "CPU"), "the table is about accelerators"),
        (("--context", "0"), "--context"),
        (("--catalog", "missing.yaml"), "missing.yaml cannot be read"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], words: str) -> None:
    result = run("table", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
