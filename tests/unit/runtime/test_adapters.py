"""What holds for every adapter, and what of their engines no client may reach."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from qwen3_runtime.config import AdapterFiles, Adapters, Device, Engine, Task, Thinking, ThinkingMode
from qwen3_runtime.engines import ADAPTERS
from qwen3_runtime.server.errors import ErrorAnswer
from qwen3_runtime.server.prepare import Prepared, prepare, served
from qwen3_runtime.server.routes import CHAT, Route, find_route
from tests.unit.runtime.conftest import make_config

# Paths that change an engine, read its memory or other clients' texts, open addresses or files, or stop it.
# SGLang 0.5.23 entrypoints/http_server.py; vLLM 0.32.0 entrypoints/serve; llama.cpp b11549 tools/server/server.cpp;
# transformers 5.19.0 cli/serving/server.py; MindIE-LLM docs/zh/user_guide (management and service interfaces).
PATHS: dict[Engine, tuple[str, ...]] = {
    Engine.SGLANG: (
        *("/flush_cache", "/abort_request", "/pause_generation", "/continue_generation", "/freeze_gc"),
        *("/update_weights_from_disk", "/update_weights_from_tensor", "/update_weights_from_distributed"),
        *("/init_weights_update_group", "/get_weights_by_name", "/release_memory_occupation"),
        *("/resume_memory_occupation", "/load_lora_adapter", "/unload_lora_adapter", "/open_session", "/close_session"),
        *("/start_profile", "/stop_profile", "/set_internal_state", "/configure_logging", "/server_info"),
        *("/get_server_info", "/model_info", "/v1/loads", "/slow_down", "/generate", "/encode", "/classify"),
        *("/parse_function_call", "/separate_reasoning", "/v1/responses", "/v1/messages", "/api/chat", "/openapi.json"),
        *(
            "/dumper",
            "/start_expert_distribution_record",
            "/dump_expert_distribution_record",
            "/hicache/storage-backend",
        ),
    ),
    Engine.VLLM: (
        *("/sleep", "/wake_up", "/is_sleeping", "/pause", "/resume", "/reset_prefix_cache", "/reset_mm_cache"),
        *("/collective_rpc", "/server_info", "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/start_profile"),
        *("/stop_profile", "/scale_elastic_ep", "/is_scaling_elastic_ep", "/init_weight_transfer_engine"),
        *("/update_weights", "/invocations", "/inference/v1/generate", "/abort_requests", "/tokenize", "/detokenize"),
        *("/tokenizer_info", "/pooling", "/score", "/v1/responses", "/v1/messages", "/load", "/version", "/docs"),
    ),
    Engine.LLAMA_CPP: (
        *("/slots", "/slots/0", "/props", "/lora-adapters", "/models", "/models/load", "/models/unload", "/models/sse"),
        *("/v1/stream", "/v1/streams/lookup", "/v1/chat/completions/control", "/cors-proxy", "/tools", "/infill"),
        *(
            "/completion",
            "/completions",
            "/chat/completions",
            "/embedding",
            "/tokenize",
            "/apply-template",
            "/api/show",
        ),
    ),
    Engine.TRANSFORMERS: ("/load_model", "/reset", "/v1/responses", "/v1/audio/transcriptions", "/docs"),
    Engine.MINDIE: (
        *("/v2/health/live", "/v2/health/ready", "/v1/config", "/info", "/metrics-json", "/v1/role/prefill"),
        *("/v2/models/m/stopInfer", "/generate", "/generate_stream", "/v1/tokenizer", "/dresult"),
    ),
}
EVERYWHERE = ("/metrics", "/health", "/", "/openapi.json", "/admin", "//v1/chat/completions", "/v1/chat/completions/")
# Request fields that run code, open files or addresses, take other clients' texts or places, or stop other clients.
FIELDS: dict[Engine, dict[str, Any]] = {
    Engine.SGLANG: {
        "custom_logit_processor": "gASV",
        "custom_params": {"thinking_budget": 1},
        "lora_path": "/etc",
        "bootstrap_host": "10.0.0.1",
        "rid": "other",
        "priority": 0,
        "session_params": {"id": "other"},
        "stop_regex": "(a+)+$",
        "data_parallel_rank": 0,
        "return_hidden_states": True,
    },
    Engine.VLLM: {
        "kv_transfer_params": {"remote_host": "10.0.0.1"},
        "ec_transfer_params": {"x": 1},
        "media_io_kwargs": {"x": 1},
        "mm_payload": {"x": 1},
        "vllm_xargs": {"x": 1},
        "priority": -1,
        "cache_salt": "other",
        "request_id": "other",
        "chat_template": "{{ 1 }}",
        "mm_processor_kwargs": {"x": 1},
        "repetition_detection": {"x": 1},
    },
    Engine.LLAMA_CPP: {
        "lora": [{"id": 0, "scale": 1.0}],
        "id_slot": 0,
        "n_cache_reuse": 1,
        "chat_template": "{{ 1 }}",
        "n_probs": 100000,
        "return_tokens": True,
    },
    Engine.TRANSFORMERS: {"generation_config": '{"custom_generate": "x/y"}'},
    Engine.MINDIE: {"priority": 1, "chat_template": "{{ 1 }}"},
}


def answer(engine: Engine, **fields: Any) -> Prepared | ErrorAnswer:
    body = {"model": "qwen3-tiny", "messages": [{"role": "user", "content": "Hello"}]} | fields
    rules = served(make_config(engine=engine), ADAPTERS[engine])
    return prepare(json.dumps(body).encode(), Route(CHAT, has_body=True), rules)


def test_every_engine_of_the_contract_has_an_adapter() -> None:
    assert set(ADAPTERS) == set(Engine)
    assert set(PATHS) == set(FIELDS) == set(Engine)


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_no_administrative_path_is_reachable(engine: Engine, method: str) -> None:
    for path in (*PATHS[engine], *EVERYWHERE):
        for task in Task:
            assert isinstance(find_route(method, path, ("qwen3-tiny",), task), ErrorAnswer), path


@pytest.mark.parametrize(("engine", "name"), [(engine, name) for engine in Engine for name in FIELDS[engine]])
def test_no_dangerous_field_reaches_the_engine(engine: Engine, name: str) -> None:
    refusal = answer(engine, **{name: FIELDS[engine][name]})
    assert isinstance(refusal, ErrorAnswer)
    assert (refusal.status, refusal.param) == (400, name)


@pytest.mark.parametrize("engine", Engine)
def test_a_plain_request_goes_through(engine: Engine) -> None:
    assert isinstance(answer(engine, temperature=0, max_tokens=5, stream=True), Prepared)


@pytest.mark.parametrize("engine", Engine)
def test_engines_listen_on_loopback_with_the_extra_arguments_last(engine: Engine) -> None:
    command = ADAPTERS[engine].command(make_config(engine=engine, extra_args=("--a", "b")), 30000, (99,))
    text = " ".join((*command.arguments, *command.files.values()))
    assert "127.0.0.1" in text
    assert "0.0.0.0" not in text  # noqa: S104
    assert command.arguments[-2:] == ("--a", "b")


@pytest.mark.parametrize("engine", [Engine.VLLM, Engine.LLAMA_CPP, Engine.TRANSFORMERS])
def test_only_a_template_with_a_switch_is_told_not_to_think(engine: Engine) -> None:
    def arguments(mode: ThinkingMode, thinking: Thinking) -> str:
        config = make_config(engine=engine, thinking_mode=mode, thinking=thinking)
        return " ".join(ADAPTERS[engine].command(config, 30000, (9,)).arguments)

    off = 'chat-template-kwargs {"enable_thinking": false}'
    assert off in arguments(ThinkingMode.HYBRID, Thinking.DISABLED)
    assert off not in arguments(ThinkingMode.HYBRID, Thinking.ENABLED)
    assert off not in arguments(ThinkingMode.ALWAYS, Thinking.DISABLED)


LORA = Adapters(
    rank=32,
    targets=("q_proj", "v_proj"),
    files=(AdapterFiles(name="support", path="/adapters/1/s"), AdapterFiles(name="law", path="/adapters/1/l")),
)


def lora_words(engine: Engine, device: Device) -> str:
    config = make_config(engine=engine, device=device, adapters=LORA)
    return " ".join(ADAPTERS[engine].command(config, 30000, (99,)).arguments)


def test_engines_load_the_adapters_into_the_room_that_was_planned() -> None:
    paths, room = "support=/adapters/1/s law=/adapters/1/l", "--max-lora-rank 32 --lora-target-modules q_proj v_proj"
    sglang = f"--enable-lora --lora-paths {paths} {room} --max-loras-per-batch 3"
    assert lora_words(Engine.SGLANG, Device.CUDA).endswith(sglang)
    assert f"{sglang} --lora-backend ascend" in lora_words(Engine.SGLANG, Device.NPU)
    vllm = f"--enable-lora --lora-modules {paths} {room} --max-loras 2"
    assert vllm in lora_words(Engine.VLLM, Device.CUDA)


def test_an_engine_that_starts_without_adapters_has_their_room() -> None:
    """And vLLM has its paths for them where a list is followed, and nowhere else."""
    room = Adapters(rank=32, slots=3, targets=("q_proj", "v_proj"), list_path="/etc/list")
    words, settings = "--enable-lora --max-lora-rank 32 --lora-target-modules q_proj v_proj", {}
    for engine, slots in ((Engine.SGLANG, "--max-loras-per-batch 4"), (Engine.VLLM, "--max-loras 3")):
        for adapters in (room, LORA):
            config = make_config(engine=engine, device=Device.CUDA, adapters=adapters)
            command = ADAPTERS[engine].command(config, 1, ADAPTERS[engine].oldest_version)
            settings[engine, adapters is room] = command.environment.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING")
            assert (f"{words} {slots}" in " ".join(command.arguments)) is (adapters is room)
    assert {key for key, value in settings.items() if value == "1"} == {(Engine.VLLM, True)}


def test_an_adapter_that_is_being_replaced_is_asked_for_again_in_a_moment() -> None:
    rules = replace(served(make_config(), ADAPTERS[Engine.VLLM]), changing=frozenset({"law"}))
    refusal = prepare(json.dumps({"model": "law", "messages": []}).encode(), Route(CHAT, has_body=True), rules)
    assert isinstance(refusal, ErrorAnswer)
    assert (refusal.status, refusal.code, refusal.headers) == (503, "adapter_changing", ((b"retry-after", b"5"),))


@pytest.mark.parametrize(("engine", "fields"), [(Engine.SGLANG, {"lora_path": "law"}), (Engine.VLLM, {})])
def test_a_request_to_an_adapter_is_told_to_the_engine(engine: Engine, fields: dict[str, str]) -> None:
    rules = served(make_config(engine=engine, adapters=LORA), ADAPTERS[engine])
    request = {"messages": [{"role": "user", "content": "Hello"}]}
    for name, added in (("qwen3-tiny", {}), ("law", fields)):
        prepared = prepare(json.dumps({"model": name, **request}).encode(), Route(CHAT, has_body=True), rules)
        assert isinstance(prepared, Prepared)
        sent = json.loads(prepared.body)
        assert sent["model"] == name
        assert {field: sent[field] for field in ("lora_path",) if field in sent} == added
    refusal = prepare(json.dumps({"model": "tax", **request}).encode(), Route(CHAT, has_body=True), rules)
    assert isinstance(refusal, ErrorAnswer)
    assert refusal.status == 404
    assert "serves `qwen3-tiny`, `support`, `law`" in refusal.message


@pytest.mark.parametrize("engine", [Engine.LLAMA_CPP, Engine.TRANSFORMERS, Engine.MINDIE])
def test_the_others_say_that_they_cannot(engine: Engine) -> None:
    assert ADAPTERS[engine].adapter_fields("law") is None
