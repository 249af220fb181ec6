"""What any prediction must keep to, whatever the constants."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.accuracy.rows import measured
from qwen3_operator.api.deployment import Quantization
from qwen3_operator.performance import Layout, Load, Speed, largest_concurrency, speeds
from qwen3_operator.performance.coverage import COVERED
from tests.unit.performance.given import CATALOG, CONSTANTS, layout, speed

LAYOUTS = st.builds(
    layout,
    model=st.sampled_from(["Qwen3-0.6B", "Qwen3-8B", "Qwen3-32B", "Qwen3-30B-A3B", "Qwen3-235B-A22B", "Qwen3.5-27B"]),
    accelerator=st.sampled_from(["H100-SXM", "H20", "L40S", "T4", "B200", "A100-SXM4-80GB"]),
    quantization=st.sampled_from([Quantization.BF16, Quantization.FP8, Quantization.AWQ_INT4, Quantization.GPTQ_INT4]),
    engine=st.sampled_from(["SGLang", "vLLM"]),
    engine_version=st.sampled_from(["", "0.4.6.post1", "0.5.1.post1", "0.12.0"]),
    tensor_parallel=st.sampled_from([1, 2, 4, 8]),
)
PROMPTS = st.integers(1, 60_000)
ANSWERS = st.integers(1, 8_000)
CLIENTS = st.integers(1, 600)
ROOM = st.one_of(st.none(), st.integers(70_000, 2_000_000))
LOADS = st.builds(Load, PROMPTS, ANSWERS, CLIENTS, ROOM)
ROUNDING = 1 + 1e-9


@given(LAYOUTS, PROMPTS, ANSWERS, st.lists(CLIENTS, min_size=2, max_size=6), ROOM)
def test_more_clients_never_see_the_first_token_sooner(
    of: Layout, prompt: int, answer: int, clients: list[int], room: int | None
) -> None:
    found = [speed(of, prompt, answer, count, room) for count in sorted(clients)]
    for fewer, more in pairwise(found):
        assert more.time_to_first_token * ROUNDING >= fewer.time_to_first_token
        assert more.time_per_output_token * ROUNDING >= fewer.time_per_output_token


@given(LAYOUTS, st.lists(PROMPTS, min_size=2, max_size=6), ANSWERS, CLIENTS)
def test_longer_prompts_never_give_the_first_token_sooner(
    of: Layout, prompts: list[int], answer: int, clients: int
) -> None:
    found = [speed(of, prompt, answer, clients).time_to_first_token for prompt in sorted(prompts)]
    assert all(longer * ROUNDING >= shorter for shorter, longer in pairwise(found))


@given(LAYOUTS, LOADS, st.floats(1.0, 3.0))
def test_faster_memory_is_never_slower(of: Layout, load: Load, factor: float) -> None:
    bandwidth = of.accelerator.bandwidth_gb
    assert bandwidth is not None
    faster = replace(of, accelerator=of.accelerator.model_copy(update={"bandwidth_gb": bandwidth * factor}))
    before, after = speeds([(of, load), (faster, load)], CONSTANTS)
    assert before is not None
    assert after is not None
    assert after.time_to_first_token <= before.time_to_first_token * ROUNDING
    assert after.time_per_output_token <= before.time_per_output_token * ROUNDING


@given(LAYOUTS, PROMPTS, ANSWERS, CLIENTS, st.lists(st.integers(70_000, 2_000_000), min_size=2, max_size=4))
def test_more_cache_never_lets_fewer_run(of: Layout, prompt: int, answer: int, clients: int, rooms: list[int]) -> None:
    found = [speed(of, prompt, answer, clients, room).running for room in sorted(rooms)]
    assert all(more * ROUNDING >= less for less, more in pairwise(found))
    assert all(1 <= count <= clients * ROUNDING for count in found)


@given(st.lists(st.tuples(LAYOUTS, LOADS), min_size=1, max_size=8))
def test_many_at_once_are_as_each_alone(pairs: list[tuple[Layout, Load]]) -> None:
    together = speeds(pairs, CONSTANTS)
    for pair, found in zip(pairs, together, strict=True):
        alone = speeds([pair], CONSTANTS)[0]
        assert found is not None
        assert alone is not None
        assert found.time_to_first_token == pytest.approx(alone.time_to_first_token, rel=1e-12)
        assert found.time_per_output_token == pytest.approx(alone.time_per_output_token, rel=1e-12)


def test_units_agree_with_each_other() -> None:
    found = speed(layout(tensor_parallel=2), prompt=1000, answer=101, clients=8)
    seconds = found.time_to_first_token + 100 * found.time_per_output_token
    assert found.output_tokens_per_second == pytest.approx(8 * 101 / seconds)
    assert found.request_tokens_per_second == pytest.approx(1101 / seconds)
    assert found.time_to_first_token_p95 >= found.time_to_first_token
    assert found.running == 8


def test_a_group_of_attention_serves_its_part_of_the_clients() -> None:
    whole = layout("Qwen3-235B-A22B", tensor_parallel=2, data_parallel=4)
    found = speed(whole, clients=32)
    assert found.running == pytest.approx(32)
    assert found.known == "calculated"
    alone = speed(whole, prompt=1000, answer=101, clients=1)
    assert alone.output_tokens_per_second < 1 / alone.time_per_output_token, "one request keeps one group busy"
    assert alone.running == 1


FP8 = Quantization.FP8


@pytest.mark.parametrize(
    ("of", "one", "many"),
    [
        (layout(), "measured", "measured"),
        (layout(engine="vLLM"), "measured", "measured"),
        (layout(quantization=FP8), "measured", "calculated"),
        (layout(engine="vLLM", quantization=FP8), "calculated", "calculated"),
        (layout("Qwen3-30B-A3B"), "measured", "calculated"),
        (layout("Qwen3-30B-A3B", quantization=FP8), "measured", "measured"),
        (layout("Qwen3-30B-A3B", quantization=Quantization.AWQ_INT4), "calculated", "calculated"),
        (layout("Qwen3-235B-A22B", tensor_parallel=8, expert_parallel=8), "calculated", "calculated"),
        (layout("Qwen3.5-27B"), "calculated", "calculated"),
        (layout("Qwen3-VL-8B-Instruct"), "calculated", "calculated"),
        (layout("Qwen3-Embedding-8B"), "calculated", "calculated"),
        (layout(accelerator="L40S"), "calculated", "calculated"),
        (layout(accelerator="H100-PCIe"), "measured", "measured"),
        (layout(accelerator="H100-PCIe", tensor_parallel=2), "calculated", "calculated"),
        (layout(quantization=Quantization.W8A8), "calculated", "calculated"),
        (layout(engine="LlamaCpp"), "calculated", "calculated"),
        (layout(kv_element_bytes=1), "calculated", "calculated"),
    ],
)
def test_only_what_measured_rows_cover_is_measured(of: Layout, one: str, many: str) -> None:
    assert (speed(of, clients=1).known, speed(of, clients=16).known) == (one, many)


def test_every_kind_that_is_called_measured_has_fitted_rows() -> None:
    rows = [row for row in measured(CATALOG) if not row.apart]
    for kind in COVERED:
        for form in kind.formats:
            alike = [
                row.layout
                for row in rows
                if (row.layout.accelerator.family, row.layout.engine) == (kind.family, kind.engine)
                and (row.layout.model.experts is not None) == kind.experts
                and row.layout.quantization == form
                and (row.load.concurrency > 1) == kind.many
            ]
            assert len(alike) >= 4, (kind, form)


@pytest.mark.parametrize("name", ["Ascend-910B3", "Ascend-910C", "CPU"])
def test_gives_no_speed_without_a_source(name: str) -> None:
    nothing = layout(accelerator=name)
    pairs = [(nothing, Load(1024, 256, 4)), (layout(), Load(1024, 256, 4))]
    found = speeds(pairs, CONSTANTS)
    assert found[0] is None
    assert isinstance(found[1], Speed)
    assert largest_concurrency(pairs, 10.0, None, CONSTANTS)[0] == 0


@pytest.mark.parametrize(
    ("text", "as_if"),
    [("0.5.23", ""), ("0.5.16", ""), ("0.5.1", "0.5.1.post1"), ("0.4.6.post1", "0.4.6"), ("nightly", "")],
)
def test_versions_are_compared_as_numbers(text: str, as_if: str) -> None:
    found = speed(layout("Qwen3-30B-A3B", quantization=Quantization.GPTQ_INT4, engine_version=text))
    assert found == speed(layout("Qwen3-30B-A3B", quantization=Quantization.GPTQ_INT4, engine_version=as_if))


def test_old_engines_are_slower_with_gptq_experts() -> None:
    old, new = (layout("Qwen3-30B-A3B", quantization=Quantization.GPTQ_INT4, engine_version=v) for v in ("0.4.6", ""))
    assert speed(old).time_per_output_token > 2 * speed(new).time_per_output_token


def test_nothing_asked_is_nothing_answered() -> None:
    assert speeds([], CONSTANTS) == []
    assert largest_concurrency([], 1.0, 0.05, CONSTANTS) == []


@given(
    LAYOUTS,
    st.builds(Load, st.integers(1, 8000), st.integers(1, 2000), st.just(1), st.integers(20_000, 2_000_000)),
    st.floats(0.05, 20.0),
    st.floats(0.005, 0.2),
    st.sampled_from([50, 95]),
)
@settings(max_examples=50)
def test_the_largest_concurrency_is_the_last_that_meets_the_targets(
    of: Layout, load: Load, first: float, per: float, percentile: int
) -> None:
    count = largest_concurrency([(of, load)], first, per, CONSTANTS, percentile)[0]

    def meets(clients: int) -> bool:
        found = speed(of, load.input_tokens, load.output_tokens, clients, load.kv_tokens)
        time = found.time_to_first_token if percentile == 50 else found.time_to_first_token_p95
        fits = clients * (load.input_tokens + load.output_tokens) <= (load.kv_tokens or 0)
        return fits and time <= first and found.time_per_output_token <= per

    assert count == 0 or meets(count)
    assert count == 4096 or not meets(count + 1)


def test_every_accelerator_has_a_speed_or_none_of_them_for_a_reason() -> None:
    for accelerator in CATALOG.accelerators.values():
        found = speeds([(layout("Qwen3-8B", accelerator.name), Load(1024, 256, 4))], CONSTANTS)[0]
        has_numbers = accelerator.memory_bandwidth is not None and bool(accelerator.rates)
        assert (found is not None) == (accelerator.device in {"cuda", "rocm"} and has_numbers), accelerator.name


@given(LAYOUTS, LOADS, st.lists(st.integers(1, 100_000), min_size=2, max_size=4))
def test_longer_long_prompts_move_the_tail_and_nothing_else(of: Layout, load: Load, longest: list[int]) -> None:
    found = [speeds([(of, replace(load, long_input_tokens=tokens))], CONSTANTS)[0] for tokens in sorted(longest)]
    seen = [one for one in found if one is not None]
    assert len(seen) == len(longest)
    assert len({(one.time_to_first_token, one.time_per_output_token) for one in seen}) == 1
    for shorter, longer in pairwise(seen):
        assert shorter.time_to_first_token_p95 <= longer.time_to_first_token_p95 * ROUNDING


def test_the_tail_holds_what_a_long_prompt_takes_by_itself() -> None:
    one, long = speed(layout(), prompt=1000, clients=1), speed(layout(), prompt=16_000, clients=1)
    [mixed] = speeds([(layout(), Load(1000, 256, 1, None, 16_000))], CONSTANTS)
    assert mixed is not None
    assert mixed.time_to_first_token == one.time_to_first_token
    assert mixed.time_to_first_token_p95 == pytest.approx(long.time_to_first_token, rel=0.01)


def test_a_model_smaller_than_all_that_were_measured_is_calculated() -> None:
    assert speed(layout("Qwen3-Tiny")).known == "calculated"
    assert speed(layout("Qwen3-0.6B")).known == "measured"
