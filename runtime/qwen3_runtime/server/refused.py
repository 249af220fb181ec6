"""Request fields of the engine that one client must not use on a port that others share.

Read in SGLang 0.5.16 and 0.5.23, ``sglang/srt/entrypoints/openai/protocol.py``, vLLM 0.32.0,
``vllm/entrypoints/openai/chat_completion/protocol.py``, llama.cpp b11549, ``tools/server/server-task.cpp``, and
transformers 5.19.0, ``cli/serving/utils.py``. All are refused whatever the engine. SGLang's header overrides
(``x-override-*``, ``x-data-parallel-rank``) need no entry: only `forward.REQUEST_HEADERS` reach the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DISAGGREGATION = "it makes the engine connect to an address of the client's choice"
_PLACEMENT = "it pins work to one rank of the engine past its balancing"
_TEMPLATE = "the engine runs it as a program, which can stop every client"
_SESSION = "it continues another client's session, with that client's text in it"

REFUSED_FIELDS: Mapping[str, str] = {
    "custom_logit_processor": "the engine unpickles it, which runs code of the client's choice",
    "custom_params": "only custom logit processors read it",
    "lora_path": "it makes the engine load files by path; adapters are asked for by their name, in `model`",
    "bootstrap_host": _DISAGGREGATION,
    "bootstrap_port": _DISAGGREGATION,
    "bootstrap_room": _DISAGGREGATION,
    "disagg_prefill_dp_rank": _PLACEMENT,
    "routed_dp_rank": _PLACEMENT,
    "data_parallel_rank": _PLACEMENT,
    "kv_transfer_params": _DISAGGREGATION,
    "ec_transfer_params": _DISAGGREGATION,
    "id_slot": _PLACEMENT,
    "rid": "a chosen request id can collide with another client's request and abort it",
    "request_id": "a chosen request id can collide with another client's request and abort it",
    "priority": "it passes the requests of other clients",
    "session_id": _SESSION,
    "session_params": _SESSION,
    "stop_regex": "the scheduler runs it at every step, so one slow expression stops every client",
    "custom_labels": "it adds metric series without limit",
    "return_hidden_states": "it copies every layer's output to the host and slows every client",
    "lora": "it changes the adapters of the engine for all clients",
    "chat_template": _TEMPLATE,
    "generation_config": "it makes the engine load code by name",
    "vllm_xargs": "it reaches extensions of the engine that were not made for clients",
    "mm_processor_kwargs": "it sets the engine's media processor, past its limits",
    "media_io_kwargs": "it sets how the engine reads media, past its limits",
    "mm_payload": "it hands the engine processed media, past its checks",
    "repetition_detection": "it is an internal of the engine",
    "cache_salt": "it splits the prefix cache, so that one client fills it for all",
    "n_cache_reuse": "it changes the cache that all clients share",
    "n_probs": "it copies every token's probabilities and slows every client; use `logprobs`",
    "return_tokens": "it is an internal of the engine",
    "return_routed_experts": "it copies the routing of every token to the host and slows every client",
}
"""Top-level fields and why they are refused."""

REFUSED_TEMPLATE_FIELDS: Mapping[str, str] = {
    "chat_template": _TEMPLATE,
}
"""The same inside ``chat_template_kwargs``."""
