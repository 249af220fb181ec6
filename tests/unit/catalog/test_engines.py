from __future__ import annotations

import pytest

from qwen3_operator.catalog import DeviceKind, Vision, load_catalog
from qwen3_runtime.config import Engine as EngineName

CATALOG = load_catalog()
ENGINE = CATALOG.engine

# mem_fraction_static at TP 1, 2, 4 and 8, as handle_gpu_memory_settings of sglang 0.5.23 (arg_groups/memory_hook.py)
# computed it when it was run with these device memories in MiB and default arguments.
BY_THE_ENGINE = {
    15_360: (0.735, 0.727, 0.71, 0.677),
    23_034: (0.684, 0.678, 0.658, 0.635),
    24_564: (0.704, 0.698, 0.679, 0.658),
    32_607: (0.777, 0.773, 0.758, 0.742),
    39_538: (0.817, 0.813, 0.8, 0.788),
    46_068: (0.843, 0.84, 0.829, 0.818),
    81_559: (0.83, 0.828, 0.819, 0.812),
    97_871: (0.858, 0.857, 0.849, 0.844),
    143_771: (0.903, 0.902, 0.897, 0.893),
    183_359: (0.854, 0.853, 0.852, 0.849),
    284_208: (0.906, 0.905, 0.904, 0.902),
}


@pytest.mark.parametrize("mib", BY_THE_ENGINE)
def test_fraction_is_the_engines_own(mib: int) -> None:
    assert tuple(ENGINE.static_fraction("cuda", mib << 20, size) for size in (1, 2, 4, 8)) == BY_THE_ENGINE[mib]


def test_ascend_has_smaller_graphs() -> None:
    reserved = 512 + 1.5 * 8192 + 2 / 8 * 1024 + 2 * 64 + 8 * 58
    assert ENGINE.static_fraction("npu", 65_536 << 20, 2) == round((65_536 - reserved) / 65_536, 3)


def test_reserve_has_a_floor_on_large_devices() -> None:
    assert ENGINE.reserve is not None
    light = ENGINE.model_copy(update={"reserve": ENGINE.reserve.model_copy(update={"per_prefill_token": 0.0})})
    assert light.static_fraction("cuda", 81_559 << 20, 1) == round((81_559 - 10_240) / 81_559, 3)
    assert light.static_fraction("cuda", 46_068 << 20, 1) > round((46_068 - 10_240) / 46_068, 3)


def test_nothing_is_left_of_a_device_smaller_than_the_reserve() -> None:
    assert ENGINE.static_fraction("cuda", 2048 << 20, 1) == 0


def test_collectives_are_paid_from_two_devices_on() -> None:
    overheads = [ENGINE.cost("cuda").overhead_bytes(size) >> 20 for size in (1, 2, 4, 8)]
    assert overheads == [600, 942, 992, 992]


# The same function, run with attention data parallelism: memory, TP, DP.
WITH_DATA_PARALLELISM = {
    (39_538, 2, 2): 0.809,
    (39_538, 4, 4): 0.752,
    (39_538, 8, 4): 0.739,
    (39_538, 8, 8): 0.69,
    (81_559, 2, 2): 0.809,
    (81_559, 4, 4): 0.706,
    (81_559, 8, 4): 0.699,
    (81_559, 8, 8): 0.586,
    (143_771, 4, 4): 0.833,
    (143_771, 8, 8): 0.765,
    (183_359, 2, 2): 0.828,
    (183_359, 8, 8): 0.748,
}
# And with a vision tower: memory, TP, width of the tower.
WITH_VISION = {
    (24_564, 1, 1024): 0.6688,
    (24_564, 1, 1152): 0.651035,
    (24_564, 4, 1152): 0.627916,
    (81_559, 1, 1024): 0.7885,
    (81_559, 1, 1152): 0.767555,
    (81_559, 4, 1152): 0.757383,
}


@pytest.mark.parametrize(("mib", "tensor_parallel", "data_parallel"), WITH_DATA_PARALLELISM)
def test_attention_data_parallelism_is_reserved_for(mib: int, tensor_parallel: int, data_parallel: int) -> None:
    fraction = ENGINE.static_fraction("cuda", mib << 20, tensor_parallel, data_parallel)
    assert fraction == WITH_DATA_PARALLELISM[mib, tensor_parallel, data_parallel]


@pytest.mark.parametrize(("mib", "tensor_parallel", "width"), WITH_VISION)
def test_multimodal_models_leave_room_for_images(mib: int, tensor_parallel: int, width: int) -> None:
    tower = CATALOG.models["Qwen3-VL-2B-Instruct"].vision
    assert tower is not None
    vision: Vision = tower.model_copy(update={"hidden_size": width})
    fraction = ENGINE.static_fraction("cuda", mib << 20, tensor_parallel, vision=vision)
    assert fraction == pytest.approx(WITH_VISION[mib, tensor_parallel, width], abs=1e-6)


def test_the_version_with_npu_images_keeps_more_on_small_cuda_devices() -> None:
    """server_args.py of sglang 0.5.16: 2048 tokens and batches of 24 and 80 below 35 GiB."""
    old = CATALOG.engines["SGLang", "0.5.16"]
    memory = 24_564
    for size, batch in ((1, 24), (4, 80)):
        reserved = 512 + 1.5 * 2048 + size * 128 + 2 * batch + 42 * 8
        assert old.static_fraction("cuda", memory << 20, size) == round((memory - reserved) / memory, 3)
    same: tuple[tuple[DeviceKind, int], ...] = (("npu", 65_536), ("cuda", 81_559))
    for device, mib in same:
        assert old.static_fraction(device, mib << 20, 2) == ENGINE.static_fraction(device, mib << 20, 2)


def test_devices_say_why_the_engine_does_not_run_there() -> None:
    for accelerator in CATALOG.accelerators.values():
        assert (accelerator.not_served is None) == (accelerator.family in ENGINE.families), accelerator.name


def test_other_engines_take_a_share() -> None:
    vllm = CATALOG.newest(EngineName.VLLM)
    assert vllm.static_fraction("cuda", 81_559 << 20, 1) == 0.92
    assert vllm.working_bytes("cuda", 81_559 << 20) == pytest.approx(6.8e9, rel=1e-3)
    assert vllm.working_bytes("cuda", 24_564 << 20) == pytest.approx(1.7e9, rel=1e-3)
    assert [vllm.most_running("cuda", mib << 20) for mib in (24_564, 81_559)] == [256, 1024]
    assert CATALOG.newest(EngineName.MINDIE).static_fraction("npu", 65_536 << 20, 1) == 0.8
    assert CATALOG.newest(EngineName.SGLANG) is ENGINE
    assert ENGINE.working_bytes("cuda", 81_559 << 20) == 0
    assert ENGINE.most_running("cuda", 81_559 << 20) is None


def test_an_engine_says_where_it_does_not_run() -> None:
    with pytest.raises(LookupError, match="MindIE does not run on cuda devices"):
        CATALOG.newest(EngineName.MINDIE).cost("cuda")


def test_every_engine_has_a_row_with_its_costs() -> None:
    for name in EngineName:
        engine = CATALOG.newest(name)
        kinds = {found.device for found in CATALOG.accelerators.values() if found.family in engine.families}
        assert {cost.device for cost in engine.devices} == kinds, name
