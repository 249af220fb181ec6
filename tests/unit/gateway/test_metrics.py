"""What the autoscaler reads of the gateway."""

from __future__ import annotations

import pytest

from qwen3_runtime.gateway.directory import Directory
from qwen3_runtime.gateway.dispatch import Patience
from qwen3_runtime.gateway.metrics import Metrics, is_late
from qwen3_runtime.gateway.record import Record
from qwen3_runtime.tenancy import Route, Routes

READ = (
    "qwen3_gateway_requests_arrived_total",
    "qwen3_gateway_request_bytes_arrived_total",
    "qwen3_gateway_first_token_missed_total",
    "qwen3_gateway_waiting_requests",
    "qwen3_gateway_waiting_tokens",
)


def test_series_of_a_route_name_its_deployment_and_are_there_before_its_first_request() -> None:
    directory, metrics = Directory(Patience(30.0, 600.0)), Metrics()
    routes = [Route(name=name, namespace=name[-1], deployment="chat", context_length=9) for name in ("of-a", "of-b")]
    directory.set_routes(Routes(models=tuple(routes)))
    lines = metrics.render(directory).decode().splitlines()
    for name in READ:
        for model, namespace in (("of-a", "a"), ("of-b", "b")):
            labels = f'{{deployment="chat",deployment_namespace="{namespace}",model="{model}"}}'
            assert f"{name}{labels} 0.0" in lines


@pytest.mark.parametrize(
    ("first_byte", "waited", "woke", "streams", "failed", "late"),
    [
        (1.9, 0.0, False, True, False, False),
        (2.1, 0.0, False, True, False, True),
        (2.1, 0.0, True, True, False, False),
        (60.0, 1.9, False, False, False, False),
        (60.0, 2.1, False, False, False, True),
        (None, 0.0, False, True, True, True),
        (None, 0.0, False, True, False, False),
        (None, 0.0, True, True, True, False),
    ],
    ids=[
        "in time",
        "late",
        "late since the model slept",
        "a long answer that is no stream",
        "no stream, and it waited",
        "refused at once",
        "its client left at once",
        "the model did not wake in time",
    ],
)
def test_a_miss_is_what_a_replica_more_might_have_spared(
    first_byte: float | None, waited: float, *, woke: bool, streams: bool, failed: bool, late: bool
) -> None:
    record = Record("r", waited=waited, woke=woke, first_byte=first_byte)
    assert is_late(record, 2.0, streams=streams, failed=failed) is late
    assert not is_late(record, None, streams=streams, failed=failed)
