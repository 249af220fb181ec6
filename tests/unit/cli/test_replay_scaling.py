"""``replay --scaling``: schedules of a file, and when they meet the trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.samples import GOOD, ROOT, run, written

if TYPE_CHECKING:
    from pathlib import Path

AZURE = str(ROOT / "tests" / "data" / "azure2023-code-15min.csv")
"""From Thursday, 2023-11-16T18:17:03, on."""
CAPACITY = ("--capacity", "gpu=24000/4000", "--start-seconds", "60")
OFFICE = '{name: office, timeZone: Europe/Berlin, start: "0 8 * * MON-FRI", end: "0 18 * * MON-FRI", minReplicas: 5}'
EVENING = '{name: evening, start: "0 18 * * THU", end: "0 19 * * THU", minReplicas: 4}'
HEADER = "timestamp,input_tokens,output_tokens\n"


def _file(folder: Path, *schedules: str, fewest: int = 1) -> str:
    listed = ", ".join(schedules)
    scaling = f"  scaling: {{mode: Auto, minReplicas: {fewest}, maxReplicas: 9, schedules: [{listed}]}}\n"
    return written(folder, "chat.yaml", GOOD + scaling)


def _hour(folder: Path, begin: float) -> str:
    """A request a minute for an hour."""
    return written(folder, "t.csv", HEADER + "".join(f"{begin + 60 * i},500,50\n" for i in range(60)))


def _told(*arguments: str) -> tuple[dict[str, Any], str]:
    result = run("replay", *arguments, *CAPACITY, "-o", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), result.stderr


def _hours(*arguments: str) -> float:
    return float(_told(*arguments)[0]["policies"][0]["replica_hours"])


def test_the_dates_of_a_trace_meet_the_schedules(tmp_path: Path) -> None:
    found, notes = _told("--trace", AZURE, "--scaling", _file(tmp_path, EVENING, OFFICE))
    assert found["begin"] == "2023-11-16T18:17:03Z"
    assert found["policies"][0]["replica_hours"] == pytest.approx(4 * found["hours"], rel=0.1)
    assert "note: the trace begins on Thursday, 2023-11-16T18:17:03Z\n" in notes
    assert "schedule office is never in force in it" in notes
    assert "schedule evening" not in notes


def test_without_dates_it_begins_on_a_monday(tmp_path: Path) -> None:
    """Second 25,200 is 07:00 in UTC, 08:00 in Berlin."""
    file = _file(tmp_path, OFFICE)
    found, notes = _told("--trace", _hour(tmp_path, 25_200), "--scaling", file)
    assert found["begin"] == "2024-01-08T07:00:00Z"
    assert "on Monday, 2024-01-08T07:00:00Z, since its times have no date: --begin says another" in notes
    assert found["policies"][0]["replica_hours"] == pytest.approx(5 * found["hours"], rel=0.02)
    assert _hours("--trace", _hour(tmp_path, 0), "--scaling", file) < 2


@pytest.mark.parametrize(
    ("begin", "stamp", "replicas"),
    [
        ("2027-01-11T08:00+01:00", "2027-01-11T07:00:00Z", 5),
        ("2027-01-11T07:00", "2027-01-11T07:00:00Z", 5),
        ("2027-01-11T06:00Z", "2027-01-11T06:00:00Z", 1),
        ("2027-07-12T06:00Z", "2027-07-12T06:00:00Z", 5),
        ("2027-01-10", "2027-01-10T00:00:00Z", 1),
    ],
)
def test_the_begin_is_as_asked_for(tmp_path: Path, begin: str, stamp: str, replicas: int) -> None:
    """With a zone or in UTC; in July Berlin's office begins an hour earlier."""
    trace = _hour(tmp_path, 1e9)
    found, notes = _told("--trace", trace, "--scaling", _file(tmp_path, OFFICE), "--begin", begin)
    assert found["begin"] == stamp
    assert "no date" not in notes
    assert found["policies"][0]["replica_hours"] == pytest.approx(replicas * found["hours"], rel=0.15)


@pytest.mark.parametrize(("begin", "stamp"), [(1_800_000_000, "2027-01-15T08:00:00Z"), (600, "2024-01-08T00:10:00Z")])
def test_rates_have_a_begin_too(tmp_path: Path, begin: int, stamp: str) -> None:
    rows = "t_s,rate_rps,mean_input_tokens,mean_output_tokens\n" + "".join(
        f"{begin + 600 * i},1,500,50\n" for i in range(3)
    )
    trace = written(tmp_path, "m.rate_10min.csv", rows)
    values = [[begin + 60 * i, str(60 * i)] for i in range(30)]
    answer = {"data": {"result": [{"metric": {"__name__": "sglang:num_requests_total"}, "values": values}]}}
    answer["data"]["result"].append({"metric": {"__name__": "sglang:prompt_tokens_total"}, "values": values})
    history = written(tmp_path, "history.json", json.dumps(answer))
    for path in (trace, history):
        assert _told("--trace", path, "--scaling", _file(tmp_path, OFFICE))[0]["begin"] == stamp


def test_bounds_without_schedules_come_from_the_file(tmp_path: Path) -> None:
    found, notes = _told("--trace", AZURE, "--scaling", _file(tmp_path, fewest=7))
    assert found["policies"][0]["replica_hours"] == pytest.approx(7 * found["hours"], rel=0.1)
    assert "begin" not in found
    assert "the trace begins" not in notes


def test_single_requests_run_under_schedules(tmp_path: Path) -> None:
    trace = written(tmp_path, "t.csv", HEADER + "".join(f"{i},500,50\n" for i in range(0, 300, 5)))
    model = ("--model", "Qwen3-32B", "--accelerator", "H100-SXM", "--quantization", "FP8", "--tensor-parallel", "2")
    given = ("--scaling", _file(tmp_path, OFFICE), "--begin", "2027-01-11T08:00+01:00", "--tier", "request")
    result = run("replay", "--trace", trace, *model, *given, "-o", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["policies"][0]["replica_hours"] == pytest.approx(5 * found["hours"])


def test_sleep_is_said_to_be_left_out(tmp_path: Path) -> None:
    night = OFFICE.replace("minReplicas: 5", "minReplicas: 0")
    given = ("--begin", "2027-01-11T08:00+01:00")
    assert "minReplicas 0 counts as 1" in _told("--trace", AZURE, "--scaling", _file(tmp_path, night), *given)[1]


def test_the_picture_shows_the_fewest(tmp_path: Path) -> None:
    path = tmp_path / "replay.svg"
    result = run("replay", "--trace", AZURE, *CAPACITY, "--scaling", _file(tmp_path, EVENING), "--plot", str(path))
    assert result.exit_code == 0, result.output
    assert "fewest by schedule" in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--begin", "2027-01-11"), "it needs --scaling"),
        (("--scaling", "{file}", "--min-replicas", "2"), "give one or the other"),
        (("--scaling", "{file}", "--max-replicas", "2"), "give one or the other"),
        (("--scaling", "{file}", "--begin", "soon"), "--begin soon: no date and time; want one such as"),
        (("--scaling", "{file}", "--begin", "1969-01-01"), "say --begin"),
        (("--scaling", "{plain}", "--begin", "2027-01-11"), "plain.yaml has no spec.scaling.schedules"),
        (("--scaling", "{off}"), "off.yaml has no spec.scaling.maxReplicas"),
        (("--scaling", "{two}"), "two.yaml has 2 Qwen3Deployments, a, b"),
        (("--scaling", "{wrong}"), "schedules[office].timeZone is Europe/Berln"),
        (("--scaling", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    names = {
        "file": _file(tmp_path, OFFICE),
        "plain": written(tmp_path, "plain.yaml", GOOD + "  scaling: {mode: Auto, maxReplicas: 2}\n"),
        "off": written(tmp_path, "off.yaml", GOOD),
        "two": written(tmp_path, "two.yaml", GOOD + "---" + GOOD.replace("name: a,", "name: b,")),
        "wrong": written(
            tmp_path, "wrong.yaml", (tmp_path / "chat.yaml").read_text().replace("Europe/Berlin", "Europe/Berln")
        ),
    }
    result = run("replay", "--trace", AZURE, *CAPACITY, *(one.format(**names) for one in arguments))
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_times_in_milliseconds_are_no_dates(tmp_path: Path) -> None:
    trace = written(tmp_path, "t.csv", HEADER + "1800000000000,5,5\n1800000060000,5,5\n")
    result = run("replay", "--trace", trace, *CAPACITY, "--scaling", _file(tmp_path, OFFICE))
    assert result.exit_code == 2
    assert "the trace begins at 1.8e+12, not in seconds since 1970" in result.stderr
