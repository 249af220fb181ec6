"""What a device holds, against arithmetic that can be done by hand."""

from __future__ import annotations

import pytest

from qwen3_operator.api.deployment import Quantization
from qwen3_operator.sizing.memory import Space, on_device
from qwen3_operator.sizing.offers import Offer
from qwen3_operator.sizing.shapes import Cut, Cutter, Shape
from tests.unit.sizing.given import CATALOG

ENGINE = CATALOG.engine
H100 = CATALOG.accelerators["H100-SXM"]


def offer(name: str, quantization: Quantization = Quantization.BF16, tokens: int = 4000) -> Offer:
    model = CATALOG.models[name]
    checkpoint = model.checkpoint(quantization)
    assert checkpoint is not None
    return Offer(model, checkpoint, CATALOG.quantizations[quantization], model.native_context, tokens, (0, 0, 0))


def cut(name: str, shape: Shape, quantization: Quantization = Quantization.BF16) -> Cut:
    return Cutter(offer(name, quantization), 2).cut(shape)


@pytest.mark.parametrize("name", sorted(CATALOG.models))
def test_one_device_holds_the_checkpoint(name: str) -> None:
    checkpoint = CATALOG.models[name].checkpoint(Quantization.BF16)
    assert checkpoint is not None
    assert cut(name, Shape(1)).weights == pytest.approx(checkpoint.loaded_bytes, abs=2)


def test_eight_devices_hold_the_model_once_and_what_is_not_cut_eight_times() -> None:
    model = CATALOG.models["Qwen3-32B"]
    assert model.kv_heads == 8
    whole, part = cut("Qwen3-32B", Shape(1)).weights, cut("Qwen3-32B", Shape(8)).weights
    assert 8 * part - whole == pytest.approx(7 * 2 * model.replicated_parameters, abs=16)


def test_key_and_value_projections_are_there_once_per_head_at_least() -> None:
    model = CATALOG.models["Qwen3-235B-A22B"]
    assert model.kv_heads == 4
    whole, part = cut("Qwen3-235B-A22B", Shape(1)).weights, cut("Qwen3-235B-A22B", Shape(8)).weights
    copies = 7 * 2 * model.replicated_parameters + 2 * model.kv_projection_parameters
    assert 8 * part - whole == pytest.approx(copies, rel=1e-3)


def test_experts_dealt_or_cut_take_the_same() -> None:
    weights = {cut("Qwen3-235B-A22B", Shape(8, dealt)).weights for dealt in (1, 2, 4, 8)}
    assert len(weights) == 1


def test_attention_groups_copy_attention_and_embedding() -> None:
    model = CATALOG.models["Qwen3-235B-A22B"]
    one, two = cut("Qwen3-235B-A22B", Shape(8, 8, 1)), cut("Qwen3-235B-A22B", Shape(8, 8, 2))
    # By four instead of by eight; at four devices no KV head is copied any more.
    more = 2 * (model.attention_parameters + model.head_parameters) / 8 - 2 * model.kv_projection_parameters / 8
    assert two.weights - one.weights == pytest.approx(more, rel=0.02)
    assert two.per_token == one.per_token == 2 * 128 * 94 * 2


def test_a_hybrid_models_state_takes_its_part() -> None:
    """SGLang cookbook, Qwen3.8-27B.mdx: 65.5 KB a token, 153.9 MB of state a slot, five slots a request, 0.9 to 1."""
    made = cut("Qwen3.8-27B", Shape(1), Quantization.FP8)
    assert made.per_token == 65_536
    assert made.state == pytest.approx(153.9e6, rel=0.01)
    space = Space.on(H100, H100.memory_bytes, ENGINE, made)
    fit = on_device(space, made, ENGINE, 1)
    room = space.static - made.weights
    assert fit.state_bytes == pytest.approx(room * 0.9 / 1.9, rel=1e-6)
    assert fit.tokens == pytest.approx(room / 1.9 / 65_536, rel=1e-3)
    assert fit.requests == fit.running == int(fit.state_bytes // (5 * made.state))


def test_the_engines_limit_of_running_requests() -> None:
    """clamp(tokens / context * 512, 2048, 4096), and at most tokens / 2."""
    for name, tokens in (("Qwen3-0.6B", 4000), ("Qwen3-32B", 4000), ("Qwen3-Tiny", 2)):
        made = Cutter(offer(name, tokens=tokens), 2).cut(Shape(1))
        fit = on_device(Space.on(H100, H100.memory_bytes, ENGINE, made), made, ENGINE, 1)
        by_context = fit.tokens * 512 // CATALOG.models[name].native_context
        assert fit.running == min(max(2048, min(4096, by_context)), fit.tokens // 2)
        assert fit.requests == min(fit.tokens // tokens, fit.running)


def test_what_is_missing_is_what_would_make_it_fit() -> None:
    made = cut("Qwen3-32B", Shape(1))
    space = Space.on(H100, H100.memory_bytes, ENGINE, made)
    assert on_device(space, made, ENGINE, 1).missing_bytes == 0
    lacking = on_device(space, made, ENGINE, 50)
    assert lacking.missing_bytes > 0
    larger = Space(space.total, space.static + lacking.missing_bytes, space.overhead, space.page_tokens)
    assert on_device(larger, made, ENGINE, 50).missing_bytes == 0
    assert on_device(larger, made, ENGINE, 50).requests == 50
