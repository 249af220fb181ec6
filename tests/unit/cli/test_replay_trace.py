"""What traces of each format say, and what is refused in them."""

from __future__ import annotations

import gzip
import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typing_extensions import override

from qwen3_operator.cli.errors import InputError
from qwen3_operator.cli.replay_trace import Requests, TraceFormat, read_trace
from qwen3_operator.scaling.simulate import Rates
from tests.unit.cli.samples import written
from tests.unit.scaling.given import GPU

if TYPE_CHECKING:
    from pathlib import Path

RATES = "t_s,rate_rps,mean_input_tokens,mean_output_tokens\n"
PLAIN = "timestamp,input_tokens,output_tokens\n"
CLIENTS = "client,t_s,rate_rps,iat_cv,dist\n"
TOKENS = "client,t_s,requests_in_window,field,mean\n"


def _rates(path: str, form: TraceFormat | None = None) -> Rates:
    found = read_trace(path, form).recorded
    assert isinstance(found, Rates)
    return found


def _requests(path: str, form: TraceFormat | None = None, cache_tokens: float = 1e9) -> Requests:
    found = read_trace(path, form, cache_tokens).recorded
    assert isinstance(found, Requests)
    return found


def _servegen(folder: Path, rates: str, clients: str = "", tokens: str = "") -> str:
    written(folder, "m.rate_10min.csv", RATES + rates)
    beside = {"client_windows": clients and CLIENTS + clients, "client_tokens_6h": tokens and TOKENS + tokens}
    for name, text in beside.items():
        if text:
            (folder / f"m.{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return str(folder / "m")


def test_each_client_has_its_gaps_and_its_tokens(tmp_path: Path) -> None:
    clients = "a,600,2,3,Weibull\nb,600,2,1,Gamma\nb,1200,4,99,Gamma\n"
    tokens = "a,0,9,input_tokens,500\na,0,9,output_tokens,50\n"
    found = _rates(_servegen(tmp_path, "600,4,100,10\n1200,4,100,10\n", clients, tokens))
    assert found.clients == ("a", "b")
    assert found.requests_per_second.tolist() == [[2, 0], [2, 4]]
    assert found.variation.tolist() == [[3, 3], [1, 20]]
    assert found.weibull.tolist() == [[True, False], [False, False]]
    assert found.input_tokens.tolist() == [[500, 500], [100, 100]]
    assert found.mean_tokens == pytest.approx((200, 20))


def test_windows_without_a_row_or_a_rate_are_holes(tmp_path: Path) -> None:
    trace = read_trace(_servegen(tmp_path, "1200,4,100,10\n2400,0,,\n3000,4,300,10\n"), None)
    assert isinstance(trace.recorded, Rates)
    assert trace.recorded.known.tolist() == [True, False, False, True]
    assert "2 of 4 windows are empty" in trace.notes[0]
    found, _ = trace.arrivals(GPU, 3.0, 1)
    assert found.mean_replicas(GPU) == pytest.approx(3.0, rel=0.2)


def test_traffic_that_no_client_has_is_one_more(tmp_path: Path) -> None:
    found = _rates(_servegen(tmp_path, "0,4,100,10\n600,4,100,10\n", "a,0,3,1,Gamma\n"))
    assert found.clients == ("a", "others")
    assert found.requests_per_second.tolist() == [[3, 0], [1, 4]]


@pytest.mark.parametrize("rates", ["0,4,1,1\n500,4,1,1\n", "600,4,1,1\n0,4,1,1\n", "0,4,1,1\n0,4,1,1\n"])
def test_windows_that_do_not_rise_are_refused(tmp_path: Path, rates: str) -> None:
    with pytest.raises(InputError, match="t_s must rise"):
        read_trace(_servegen(tmp_path, rates), TraceFormat.SERVEGEN)


def _mooncake(*blocks: list[int]) -> str:
    return "".join(
        json.dumps({"timestamp": 27000 + 3000 * i, "input_length": 1100, "output_length": 5, "hash_ids": hashes}) + "\n"
        for i, hashes in enumerate(blocks)
    )


def test_blocks_that_are_in_the_cache_are_no_work(tmp_path: Path) -> None:
    path = written(tmp_path, "t.jsonl", _mooncake([1, 2, 3], [1, 2, 4], [9, 2, 3], [1, 2, 3]))
    found = _requests(path)
    assert found.input_tokens.tolist() == [1100, 76, 1100, 1]
    assert (found.times - found.times[0]).tolist() == [0, 3, 6, 9]
    small = _requests(path, TraceFormat.MOONCAKE, cache_tokens=3 * 512)
    assert small.input_tokens.tolist() == [1100, 76, 1100, 1100]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"timestamp": 1, "output_length": 5, "input_lengt": 3}', "no 'input_length'"),
        ('{"timestamp": 1, "input_length": -5, "output_length": 3}', "from 0 on"),
        ('{"timestamp": 1, ', "no JSON object"),
        ("[]", "no JSON object"),
    ],
)
def test_a_line_that_is_no_request_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = written(tmp_path, "t.jsonl", _mooncake([1]) + "\n" + line + "\n")
    with pytest.raises(InputError, match=f"line 3: .*{words}"):
        read_trace(path, TraceFormat.MOONCAKE)


def _series(name: str, *values: float | None, pod: str = "a") -> dict[str, Any]:
    samples = [[1_700_000_000 + 60 * i, str(value)] for i, value in enumerate(values) if value is not None]
    return {"metric": {"__name__": name, "pod": pod}, "values": samples}


def _answer(*series: dict[str, Any]) -> str:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": list(series)}})


HISTORY = _answer(
    _series("sglang:num_requests_total", 100, 160, 220, 30, None, 90, 90),
    _series("sglang:num_requests_total", 0, 60, 60, 60, None, 60, 60, pod="b"),
    _series("sglang:prompt_tokens_total", 0, 12000, 18000, 3000, None, 9000, 9000),
    _series("sglang:cached_tokens_total", 0, 6000, 6000, 0, None, 0, 0),
    _series("sglang:generation_tokens_total", 0, 1200, 1800, 300, None, 900, 900),
)


def test_counters_of_pods_are_added_and_restarts_and_holes_are_seen(tmp_path: Path) -> None:
    found = _rates(written(tmp_path, "week.json", HISTORY))
    assert found.window_seconds == 60
    assert found.known.tolist() == [True, True, True, False, False, True]
    assert (found.requests_per_second * 60).tolist() == [[120, 60, 30, 0, 0, 0]]
    assert found.input_tokens[0, :3].tolist() == [50, 100, 100]
    assert found.output_tokens[0, :3].tolist() == [10, 10, 10]


def test_silence_is_no_hole(tmp_path: Path) -> None:
    found, _ = read_trace(written(tmp_path, "week.json", HISTORY), TraceFormat.PROMETHEUS).arrivals(GPU, None, 1)
    assert found.known[60:].all()
    assert found.requests[60:].sum() == 0


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path.startswith("/api/v1/query_range?query=") and "sglang%3Anum_requests_total" in self.path
        self.send_response(200 if good else 400)
        self.end_headers()
        self.wfile.write(HISTORY.encode())

    @override
    def log_message(self, *_: object) -> None:
        pass


def test_a_server_is_asked_for_its_last_week() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Server)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = _rates(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert found.requests_per_second[0, 0] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"status": "error"}', "is no answer to a range query"),
        (_answer(_series("up", 1, 1, 1)), "has none of the counters"),
        (_answer(_series("sglang:num_requests_total", 1, 2)), "has 2 samples"),
        (_answer(_series("sglang:num_requests_total", 1, 1, 1)), "no requests were counted"),
    ],
)
def test_a_history_that_says_nothing(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_trace(written(tmp_path, "week.json", text), TraceFormat.PROMETHEUS)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(InputError, match="does not answer as Prometheus"):
        read_trace("http://127.0.0.1:9/", None)


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(b"a" * 100_000)[:60], gzip.compress(b"\xff\xfe")])
def test_a_broken_gzip_is_said(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"no whole gzip|not UTF-8"):
        read_trace(str(path), TraceFormat.CSV)


def test_single_requests_begin_when_they_do(tmp_path: Path) -> None:
    found = _requests(written(tmp_path, "t.csv", PLAIN + "1700000100,1,2\n1700000000,3,4\n"))
    assert np.ptp(found.times) == 100
    assert found.mean_tokens == (2, 3)
