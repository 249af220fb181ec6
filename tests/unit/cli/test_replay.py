"""``replay``: traces in, numbers and pictures out."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from qwen3_operator.scaling.simulate import SCALERS
from tests.unit.cli.samples import ROOT, run, written

if TYPE_CHECKING:
    from pathlib import Path

AZURE = str(ROOT / "tests" / "data" / "azure2023-code-15min.csv")
CAPACITY = ("--capacity", "h100=24000/4000@2.50")
RATES = """t_s,rate_rps,active_clients,top_client_share,mean_input_tokens,mean_output_tokens
0,2.0,1,1.0,1000,200
600,4.0,1,1.0,1000,200
1200,0.0,0,0.0,,
1800,4.0,1,1.0,1000,200
"""
CLIENTS = "client,t_s,rate_rps,iat_cv,dist,shape,scale\n0,0,2.0,3.0,Gamma,0.1,1\n0,600,4.0,3.0,Gamma,0.1,1\n"


def _json(*arguments: str) -> dict[str, object]:
    result = run("replay", *arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_the_table_names_every_policy_and_the_best() -> None:
    result = run("replay", "--trace", AZURE, *CAPACITY, "--mean-replicas", "5", "--policy", *SCALERS)
    assert result.exit_code == 0, result.output
    words = [line.split()[0] for line in result.stdout.splitlines() if line.strip()]
    assert words[3 : 3 + len(SCALERS)] == list(SCALERS)
    assert "best, knowing the future" in result.stdout


def test_json_has_the_numbers_of_each_policy_once() -> None:
    names = ("--policy", "adaptive", "--policy", "static-peak", "--policy", "adaptive")
    found = _json("--trace", AZURE, *CAPACITY, "--mean-replicas", "5", *names)
    policies = found["policies"]
    assert isinstance(policies, list)
    assert [one["policy"] for one in policies] == ["adaptive", "static-peak"]
    for one in policies:
        assert one["cost"] == pytest.approx(2.5 * one["replica_hours"])
        assert one["ratio"] == pytest.approx(one["replica_hours"] / one["clairvoyant_replica_hours"])
        assert one["clairvoyant99_replica_hours"] <= one["clairvoyant_replica_hours"]
        assert 0 <= one["worst_hour"] <= one["attainment"] <= 1


MODEL = ("--model", "Qwen3-32B", "--accelerator", "H100-SXM", "--quantization", "FP8", "--tensor-parallel", "2")
GIVEN = ("--slo", "ttft=2s,tpot=50ms", "--start-seconds", "180", "--mean-replicas", "5", "--seed", "2")


@pytest.mark.parametrize("queue", ["fifo", "deadline"])
def test_the_command_of_the_manual(queue: str) -> None:
    found = _json("--trace", AZURE, "--format", "azure", *MODEL, *GIVEN, "--queue", queue)
    policies = found["policies"]
    assert isinstance(policies, list)
    assert found["trace"] == AZURE
    assert found["queue"] == queue
    assert [one["policy"] for one in policies] == ["adaptive"]
    assert policies[0]["clairvoyant_attainment"] == pytest.approx(1.0, abs=1e-3)
    assert policies[0]["ratio99"] >= policies[0]["ratio"] > 0


def test_single_requests_have_their_latencies(tmp_path: Path) -> None:
    rows = "".join(f"{i},800,100\n" for i in range(60))
    trace = written(tmp_path, "t.csv", "timestamp,input_tokens,output_tokens\n" + rows)
    policies = _json("--trace", trace, *MODEL, "--tier", "request")["policies"]
    assert isinstance(policies, list)
    assert policies[0]["attainment"] == 1.0
    assert 0 < policies[0]["time_to_first_token_p50"] <= policies[0]["time_to_first_token_p99"] < 2
    assert 0 < policies[0]["time_per_output_token_p50"] <= policies[0]["time_per_output_token_p99"] < 0.05


def test_policies_may_follow_one_another_or_repeat_the_option() -> None:
    def names(*arguments: str) -> list[str]:
        policies = _json("--trace", AZURE, *CAPACITY, "--policy", *arguments)["policies"]
        assert isinstance(policies, list)
        return [one["policy"] for one in policies]

    asked = ["static-peak", "hpa-work"]
    assert names(*asked) == names("static-peak", "--policy", "hpa-work") == asked


def test_a_layout_is_chosen_where_none_is_asked_for() -> None:
    result = run("replay", "--trace", AZURE, *MODEL[:4], "--policy", "static-peak")
    assert result.exit_code == 0, result.output
    assert "a replica is Qwen3-32B BF16 on" in result.stderr


def test_faster_starts_make_the_best_cheaper() -> None:
    best = []
    given = ("--trace", AZURE, *CAPACITY, "--mean-replicas", "5", "--policy", "adaptive")
    for start in ("60", "600"):
        found = _json(*given, "--start-seconds", start)
        policies = found["policies"]
        assert isinstance(policies, list)
        best.append(policies[0]["clairvoyant_replica_hours"])
    assert best[0] < best[1]


def test_a_plain_csv_with_dates_or_seconds(tmp_path: Path) -> None:
    dated = "timestamp,input_tokens,output_tokens\n2026-01-01T00:00:00Z,10,5\n2026-01-01T00:01:00Z,20,5\n"
    plain = "input_tokens,timestamp,output_tokens\n10,0,5\n20,60,5\n"
    hours = {
        _json("--trace", written(tmp_path, f"{n}.csv", text), *CAPACITY)["hours"]
        for n, text in enumerate((dated, plain))
    }
    assert hours == {70 / 3600}


@pytest.mark.parametrize("name", ["m", "m.rate_10min.csv"])
def test_servegen_by_file_or_prefix(tmp_path: Path, name: str) -> None:
    written(tmp_path, "m.rate_10min.csv", RATES)
    (tmp_path / "m.client_windows.csv.gz").write_bytes(gzip.compress(CLIENTS.encode()))
    result = run("replay", "--trace", str(tmp_path / name), *CAPACITY, "--policy", "adaptive")
    assert result.exit_code == 0, result.output
    assert "1 of 4 windows are empty" in result.stderr
    assert "independently" not in result.stderr


def test_servegen_without_clients_says_so(tmp_path: Path) -> None:
    result = run("replay", "--trace", written(tmp_path, "m.rate_10min.csv", RATES), *CAPACITY, "--policy", "adaptive")
    assert "arrive independently" in result.stderr


def test_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "replay.png"
    result = run("replay", "--trace", AZURE, *CAPACITY, "--policy", "adaptive", "--plot", str(path))
    assert result.exit_code == 0, result.output
    assert path.stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--trace", AZURE), "say what a replica is"),
        (("--trace", AZURE, "--model", "Qwen3-32B"), "say what a replica is"),
        (("--trace", AZURE, *CAPACITY, *MODEL), "not both"),
        (("--trace", AZURE, "--model", "Qwen9", *MODEL[2:]), "model 'Qwen9' is not known"),
        (("--trace", AZURE, *MODEL[:2], "--accelerator", "RTX-4090", "--tensor-parallel", "1"), "Memory"),
        (("--trace", AZURE, *MODEL, "--slo", "tpot=1ms"), "misses --slo"),
        (("--trace", AZURE, "--model", "Qwen3-8B", "--accelerator", "Ascend-910B3"), "no source for the speed"),
        (("--trace", AZURE, *CAPACITY, "--tier", "request"), "--tier request needs --model"),
        (("--trace", AZURE, *CAPACITY, "static-peak"), "policies follow --policy"),
        (("--trace", "nowhere.csv", *CAPACITY), "nowhere.csv cannot be read"),
        (("--trace", AZURE, "--capacity", "h100=fast"), "NAME=INPUT/OUTPUT"),
        (("--trace", AZURE, "--capacity", "h100=0/1"), "greater than 0"),
        (("--trace", AZURE, *CAPACITY, *CAPACITY), "'h100' occurs twice"),
        (("--trace", AZURE, *CAPACITY, "--policy", "magic"), "--policy magic: there is adaptive"),
        (("--trace", AZURE, *CAPACITY, "--slo", "ttft=soon"), "--slo ttft: 'soon'"),
        (("--trace", AZURE, *CAPACITY, "--slo", "2s"), "want ttft=TIME"),
        (("--trace", AZURE, *CAPACITY, "--min-replicas", "3", "--max-replicas", "2"), "--min-replicas must not"),
        (("--trace", AZURE, *CAPACITY, "--format", "servegen"), "has no column 't_s'"),
        (("--trace", AZURE, *CAPACITY, "--policy", "adaptive", "--plot", "x.bmp"), "the name must end in"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], words: str) -> None:
    result = run("replay", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has the columns none"),
        ("a,b\n1,2\n", "has the columns a, b"),
        ("timestamp,input_tokens,output_tokens\n", "has no rows"),
        ("timestamp,input_tokens,output_tokens\n1,2\n", "line 2: 2 cells"),
        ("timestamp,input_tokens,output_tokens\n1,-2,3\n", "line 2: '-2' is no number from 0 on"),
        ("timestamp,input_tokens,output_tokens\n1,nan,3\n", "line 2: 'nan' is no number"),
        ("# made up\n\ntimestamp,input_tokens,output_tokens\n1,2,3\n1,2,x\n", "line 5: 'x' is no number"),
        ("timestamp,input_tokens,output_tokens\n1,2,3\ninf,2,3\n", "line 3: 'inf' is no time"),
        ("timestamp,input_tokens,output_tokens\n1,2,3\n1e12,2,3\n", "its times cannot be right"),
        ("timestamp,input_tokens,output_tokens\n1,0,0\n", "has no tokens"),
        ("timestamp,input_tokens,output_tokens\nsoon,2,3\n", "line 2: 'soon' is neither"),
    ],
)
def test_a_trace_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    result = run("replay", "--trace", written(tmp_path, "t.csv", text), *CAPACITY)
    assert result.exit_code == 2
    assert words in result.stderr
