"""A request's seconds divided among its prompt and its answer."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from qwen3_operator.performance import Speed
from qwen3_operator.performance.rates import shorter, token_rates


def speed(output_tokens_per_second: float) -> Speed:
    return Speed(0.1, 0.01, 0.2, output_tokens_per_second, 1.0, 1.0, "calculated")


def test_what_half_of_a_prompt_spares_is_half_of_its_cost() -> None:
    """A prompt token takes 1 ms, an answer token 10 ms: 1000 in and 100 out are 2 s, half the prompt 1.5 s."""
    found = token_rates(1000, 100, speed(100 / 2.0), speed(100 / 1.5))
    assert math.isclose(found.prompt, 1000.0)
    assert math.isclose(found.output, 100.0)


@given(
    inputs=st.integers(1, 100_000), outputs=st.integers(1, 100_000), usual=st.floats(0.1, 1e6), less=st.floats(0.1, 1e6)
)
def test_rates_are_positive_numbers_whatever_the_model_says(
    inputs: int, outputs: int, usual: float, less: float
) -> None:
    assert 1 <= shorter(inputs) <= inputs
    for rate in token_rates(inputs, outputs, speed(usual), speed(less)):
        assert 0 < rate < math.inf
