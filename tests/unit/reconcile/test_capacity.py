from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qwen3_operator.api.status import Capacity, CapacitySource, PlanStatus
from qwen3_operator.inventory import inventory
from qwen3_operator.performance import Speed
from qwen3_operator.reconcile.capacity import calibrated, capacities, is_news, observed, predicted_for
from qwen3_operator.reconcile.readings import Load, Reading, load_between, reading
from qwen3_operator.sizing import plan
from qwen3_runtime.engines.adapters.sglang import SGLang
from qwen3_runtime.engines.translation import translate
from tests.unit.inventory.objects import gpu_node, node
from tests.unit.manifests.samples import cpu_placement, placement
from tests.unit.manifests.samples import plan as sample_plan
from tests.unit.sizing.given import CATALOG, planned, spec

ENGINE = (Path(__file__).parent / "data" / "sglang-0.5.23-cpu.prom").read_bytes()
TEXT = (translate(ENGINE, SGLang.metrics) + ENGINE).decode()
"""As the pod shows it."""
TABLE, CALIBRATED, OBSERVED = CapacitySource.TABLE, CapacitySource.CALIBRATED, CapacitySource.OBSERVED


def at_start(**changes: Any) -> Reading:
    found = reading(TEXT, 100.0)
    assert found is not None
    return Reading(**{**{name: getattr(found, name) for name in Reading.__slots__}, **changes})


def test_what_a_real_engine_says() -> None:
    found = at_start()
    assert found.kv_cache_tokens == 32_768
    assert found.weight_bytes == round(0.011932373046875 * (1 << 30))
    assert (found.first_tokens, found.first_token_seconds) == (1.0, 0.021109892122694873)
    assert (found.request_seconds, found.prompt_tokens, found.answer_tokens) == (0.06919568400007847, 9.0, 1.0)
    assert (found.output_token_requests, found.output_token_seconds) == (0.0, 0.0)


def test_without_an_engine_there_is_no_reading() -> None:
    assert reading('qwen3_runtime_phase_seconds{phase="Ready"} 3\n', 0.0) is None


def test_what_an_engine_does_not_say_is_0() -> None:
    found = reading("qwen3_engine_weights_bytes 7\nqwen3_engine_time_to_first_token_seconds_count NaN\n", 0.0)
    assert found is not None
    assert (found.kv_cache_tokens, found.weight_bytes, found.first_tokens) == (0, 7, 0.0)


def test_load_is_what_happened_between() -> None:
    first = at_start()
    last = at_start(
        at=160.0, first_tokens=61.0, first_token_seconds=first.first_token_seconds + 12.0,
        output_token_requests=60.0, output_token_seconds=1.2, request_seconds=first.request_seconds + 240.0,
        prompt_tokens=60_009.0, answer_tokens=6_001.0,
    )  # fmt: skip
    found = load_between(first, last)
    assert found is not None
    assert (found.requests, found.prompt_tokens, found.answer_tokens) == (60, 1000, 100)
    assert (found.first_token_seconds, found.output_token_seconds) == pytest.approx((0.2, 0.02))
    assert found.running == pytest.approx(4.0)
    assert load_between(first, at_start(at=160.0)) is None
    assert first.is_before(last)
    assert not last.is_before(first), "an engine that counts from zero again is another one"


def test_calibrated_by_the_engines_memory() -> None:
    place = placement(kv_cache_tokens=34_406, max_concurrency=8, max_running_requests=6)
    found = calibrated(place, 4096, at_start())
    assert found.source is CALIBRATED
    assert found.kv_cache_tokens is not None
    assert (found.kv_cache_tokens.predicted, found.kv_cache_tokens.found) == (34_406, 32_768)
    assert found.kv_cache_tokens.error == "+5.0%"
    assert found.max_concurrency is not None
    assert (found.max_concurrency.predicted, found.max_concurrency.found) == (8, 6), "the engine runs no more"
    assert found.weight_bytes is not None
    assert calibrated(cpu_placement(), 4096, at_start()).weight_bytes is None, "not the engine's own on a CPU"
    silent = calibrated(place, 4096, at_start(kv_cache_tokens=0, weight_bytes=0))
    assert (silent.source, silent.kv_cache_tokens, silent.weight_bytes) == (TABLE, None, None)


def test_observed_beside_what_is_predicted_for_the_same_load() -> None:
    load = Load(60, 0.2, 0.02, 3.6, 1000, 100)
    speed = Speed(0.15, 0.022, 0.3, 100.0, 20.0, 4.0, "measured")
    found = observed(calibrated(placement(), 4096, at_start()), load, speed)
    assert (found.source, found.running_requests) == (OBSERVED, 4)
    first, each = found.time_to_first_token_milliseconds, found.time_per_output_token_microseconds
    assert first is not None
    assert each is not None
    assert (first.predicted, first.found, first.error) == (150, 200, "-25.0%")
    assert (each.predicted, each.found, each.error) == (22_000, 20_000, "+10.0%")
    unknown = observed(found, Load(60, 0.2, None, 0.2, 1000, 1), None)
    assert unknown.time_per_output_token_microseconds is None
    assert unknown.time_to_first_token_milliseconds is not None
    assert (unknown.time_to_first_token_milliseconds.error, unknown.running_requests) == ("", 1)


def test_the_performance_model_predicts_the_load_that_was_seen() -> None:
    load = Load(60, 0.2, 0.02, 8.0, 1000, 200)
    plan = planned(spec("Qwen3-8B", replicas=1), gpu_node("a"))
    found = predicted_for(plan, plan.placements[0], load, CATALOG)
    assert found is not None
    assert 0 < found.time_per_output_token < 0.1
    on_cpu = planned(spec("Qwen3-0.6B", replicas=1), node("a"))
    assert predicted_for(on_cpu, on_cpu.placements[0], load, CATALOG) is None


def sliced() -> PlanStatus:
    made = gpu_node("a", "NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", memory_mib=40_320, count=2)
    found = plan(spec("Qwen3-8B", replicas=1), inventory([made], (), CATALOG), CATALOG)
    assert isinstance(found, PlanStatus), found
    return found


def test_for_a_slice_nothing_is_predicted_here() -> None:
    plan = sliced()
    assert plan.placements[0].accelerator == "H100-SXM-MIG-3g.40gb"
    assert predicted_for(plan, plan.placements[0], Load(60, 0.2, 0.02, 8.0, 1000, 200), CATALOG) is None


def test_every_placement_has_an_entry_and_what_is_known_outlives_the_operator() -> None:
    plan = sample_plan(placement(), placement(pool="other"))
    table = capacities(plan, (), {})
    assert [(entry.pool, entry.source) for entry in table] == [("h100", TABLE), ("other", TABLE)]
    seen = calibrated(placement(), 4096, at_start())
    told = capacities(plan, (seen,), {})
    assert [entry.source for entry in told] == [CALIBRATED, TABLE]
    previous = {"plan": plan.to_json(), "capacity": [entry.to_json() for entry in told]}
    assert capacities(plan, (), previous) == told
    assert capacities(plan.model_copy(update={"summary": "another"}), (), previous) == table
    assert capacities(None, (seen,), previous) == ()
    assert capacities(plan, (), {**previous, "capacity": [{"pool": "h100", "source": "Guessed"}]}) == table


def test_only_what_moved_by_more_than_a_twentieth_is_news() -> None:
    base = calibrated(placement(), 4096, at_start())

    def with_tokens(count: int) -> Capacity:
        return calibrated(placement(), 4096, at_start(kv_cache_tokens=count))

    assert is_news(None, base)
    assert not is_news(base, base)
    assert not is_news(base, with_tokens(32_768 + 1_600))
    assert is_news(base, with_tokens(32_768 + 4_100))
    load = Load(60, 0.2, 0.02, 4.0, 1000, 100)
    assert is_news(base, observed(base, load, None))
