from __future__ import annotations

from itertools import pairwise

import pytest

from qwen3_runtime.weights.fetch.errors import FetchError, TransientError
from qwen3_runtime.weights.fetch.order import Pace
from qwen3_runtime.weights.fetch.patience import Patience, retry_after

ERROR = TransientError("busy", reason="SourceUnavailable")


def test_waits_grow_to_a_limit() -> None:
    patience = Patience(Pace(attempts=20, backoff_seconds=1, longest_backoff_seconds=8))
    waits = [patience.wait(ERROR) for _ in range(10)]
    for n, wait in enumerate(waits):
        longest = min(2**n, 8)
        assert longest / 2 <= wait <= longest
    assert all(later > earlier / 2 for earlier, later in pairwise(waits))


def test_gives_up_with_the_last_reason() -> None:
    patience = Patience(Pace(attempts=3))
    patience.wait(ERROR)
    patience.wait(ERROR)
    with pytest.raises(FetchError, match="busy; it is asked again every two minutes or sooner") as caught:
        patience.wait(ERROR)
    assert caught.value.reason == "SourceUnavailable"


def test_one_failure_is_no_news() -> None:
    patience = Patience(Pace())
    patience.wait(ERROR)
    assert not patience.is_tried
    patience.wait(ERROR)
    assert patience.is_tried
    patience.progressed()
    assert not patience.is_tried


def test_the_sentence_of_a_failure_is_the_same_at_each_try() -> None:
    asked = {TransientError("busy", retry_after=seconds).sentence for seconds in (1, 20, 300)}
    assert asked == {"busy; it is asked again when it allows."}


def test_progress_begins_the_count_anew() -> None:
    patience = Patience(Pace(attempts=2))
    for _ in range(5):
        patience.wait(ERROR)
        patience.progressed()


@pytest.mark.parametrize(("asked", "waited"), [(0, 0), (7, 7), (10_000, 600)])
def test_server_is_obeyed_within_limits(asked: float, waited: float) -> None:
    assert Patience(Pace()).wait(TransientError("busy", retry_after=asked)) == waited


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 3 ", 3),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_header(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=60) == seconds
