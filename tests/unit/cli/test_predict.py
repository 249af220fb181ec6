"""``predict``: rows in, rows out, in order, whatever is wrong with some of them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.sizing.rows import COLUMNS
from tests.unit.cli.samples import run, written

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "id,model,accelerator,quantization,tensor_parallel,input_tokens,output_tokens,concurrency,note"
ROWS = [
    "1,Qwen3-32B,H100-SXM,FP8,2,1024,512,32,first",
    '2,Qwen/Qwen3-8B,h100_sxm,,1,1024,512,64,"a, b"',
    "3,Qwen3-32B,Ascend-910B3,W8A8,2,1024,512,32,",
    "4,Qwen9,T4000,BF16,1,1024,none,1,wrong model",
    "5,Qwen3-32B,H100-SXM,FP8,two,1024,512,32,wrong number",
    "6,Qwen3-32B,H100-SXM,FP8,2,1024,512,32,torn,x,y",
    "7,Qwen3-32B",
    "8,Qwen3-32B,H100-SXM,FP8,2,1024,512,32,first",
]
TEXT = "\n".join([HEADER, *ROWS]) + "\n"


def _read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_all_columns_come_back_in_order_with_the_new_ones(tmp_path: Path) -> None:
    result = run("predict", "--rows", written(tmp_path, "rows.csv", TEXT), "-o", "csv")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == ",".join([HEADER, *COLUMNS])
    rows = _read(result.stdout)
    assert [row["id"] for row in rows] == list("12345678")
    assert [row["note"] for row in rows[:2]] == ["first", "a, b"]
    assert [row["valid"] for row in rows] == ["true", "true", "true", *["unknown"] * 4, "true"]
    assert {name: rows[0][name] for name in COLUMNS} == {name: rows[7][name] for name in COLUMNS}
    assert float(rows[0]["ttft_ms"]) > float(rows[0]["tpot_ms"]) > 1
    assert (rows[2]["tpot_ms"], rows[2]["source"]) == ("", "unknown")
    for words in ("model 'Qwen9' is not known", "; accelerator 'T4000' is not known", "; output_tokens 'none' is no"):
        assert words in rows[3]["reason"]
    assert "'two'" in rows[4]["reason"]
    assert rows[5]["reason"] == "the row has more cells than the header: 2 too many"
    assert rows[6]["reason"] == "the row has fewer cells than the header: 7 missing"
    assert result.stderr == "warning: 4 of 8 rows could not be judged: their column 'reason' says why\n"


def test_a_pipe_and_lines_of_json() -> None:
    result = run("predict", "--rows", "-", "-o", "jsonl", stdin=f"# a comment\n\n\ufeff{TEXT}")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == len(ROWS)
    assert float(rows[0]["tpot_ms"]) > 1


def test_a_result_can_be_predicted_again(tmp_path: Path) -> None:
    whole = TEXT.replace(",x,y", "").replace("7,Qwen3-32B\n", "7,Qwen3-32B,,,,,,,\n")
    once = run("predict", "--rows", written(tmp_path, "rows.csv", whole)).stdout
    assert run("predict", "--rows", "-", stdin=once).stdout == once


def test_many_rows() -> None:
    text = HEADER + "\n" + f"{ROWS[0]}\n" * 2500
    result = run("predict", "--rows", "-", stdin=text)
    assert len(_read(result.stdout)) == 2500
    assert not result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty: the first line names columns, at least model and accelerator"),
        ("modle,accelerator\nQwen3-8B,H20\n", "has no column 'model': is 'modle' meant?"),
        ("model,gpu\nQwen3-8B,H20\n", "has no column 'accelerator': it has model, gpu"),
        ("model,accelerator,model\nQwen3-8B,H20,\n", "column 'model' occurs twice"),
        ('model,accelerator\n"Qwen3-8B,H20\n' + "x" * 140_000, "after line 1: field larger than field limit"),
    ],
)
def test_a_bad_file(tmp_path: Path, text: str, words: str) -> None:
    result = run("predict", "--rows", written(tmp_path, "rows.csv", text))
    assert result.exit_code == 2
    assert words in result.stderr


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"model,accelerator\n\xff\xfe,H20\n")
    for name, words in (("missing.csv", "No such file"), ("binary.csv", "is not UTF-8 text"), (".", "directory")):
        result = run("predict", "--rows", str(tmp_path / name))
        assert result.exit_code == 2
        assert words in result.stderr


def test_a_column_that_looks_like_one_that_is_read_is_told() -> None:
    result = run("predict", "--rows", "-", stdin="model,accelerator,quantisation\nQwen3-8B,H20,FP8\n")
    assert result.exit_code == 0
    assert "warning: column 'quantisation' is not read; did you mean quantization?" in result.stderr
