"""Points that were measured and published, and the error that is allowed."""

from __future__ import annotations

import pytest

from bench.accuracy.errors import Predicted, chosen, first_error, per_error, score, wall_error
from bench.accuracy.fit import predict
from bench.accuracy.report import constants_of
from bench.accuracy.rows import measured
from qwen3_operator.api.deployment import Quantization
from tests.unit.performance.given import CATALOG, layout, speed

H20 = {"accelerator": "H20", "engine_version": "0.4.6.post1"}


@pytest.mark.parametrize(
    ("model", "quantization", "tokens_per_second"),
    [
        ("Qwen3-0.6B", Quantization.BF16, 414.17),
        ("Qwen3-4B", Quantization.FP8, 200.61),
        ("Qwen3-14B", Quantization.BF16, 47.10),
        ("Qwen3-14B", Quantization.AWQ_INT4, 96.49),
        ("Qwen3-30B-A3B", Quantization.BF16, 137.18),
        ("Qwen3-30B-A3B", Quantization.GPTQ_INT4, 31.29),
    ],
)
def test_one_client_on_an_h20(model: str, quantization: Quantization, tokens_per_second: float) -> None:
    found = speed(layout(model, quantization=quantization, **H20), prompt=1, answer=2048, clients=1)
    assert found.request_tokens_per_second == pytest.approx(tokens_per_second, rel=0.08)


def test_sixty_four_clients_on_two_h100() -> None:
    found = speed(layout(tensor_parallel=2, engine_version="0.5.1.post1"), prompt=1024, answer=256, clients=64)
    assert found.time_to_first_token == pytest.approx(2.366, rel=0.12)
    assert found.time_per_output_token == pytest.approx(0.02562, rel=0.05)


@pytest.fixture(scope="module")
def fitted() -> list[Predicted]:
    return predict(measured(CATALOG), constants_of(CATALOG))


@pytest.mark.parametrize(("count", "most"), [(48, 4.0), (18, 8.0)])
def test_qwens_table(fitted: list[Predicted], count: int, most: float) -> None:
    experts = count == 18
    rows = chosen(
        fitted,
        lambda row: (
            row.table == "Qwen" and row.layout.engine == "SGLang" and (row.layout.model.experts is not None) == experts
        ),
    )
    found = score(map(wall_error, rows))
    assert found.rows == count
    assert found.mean <= most
    assert found.worst <= 15


def test_the_concurrency_table(fitted: list[Predicted]) -> None:
    counted = chosen(fitted, lambda row: row.table == "Concurrency" and not row.apart)
    free = chosen(counted, lambda row: not row.kv_limited)
    full = chosen(counted, lambda row: row.kv_limited)
    assert score(map(per_error, counted)).mean <= 5
    assert score(map(first_error, free)).mean <= 12
    assert full
    assert score(map(first_error, full)).mean <= 40
