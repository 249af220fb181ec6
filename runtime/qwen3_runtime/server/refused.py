"""Request fields of the engine that one client must not use on a port that others share.

Read in SGLang 0.5.16 and 0.5.23, ``sglang/srt/entrypoints/openai/protocol.py``. Its header overrides
(``x-override-*``, ``x-data-parallel-rank``) need no entry: only `forward.REQUEST_HEADERS` reach the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DISAGGREGATION = "it makes the engine connect to an address of the client's choice"
_PLACEMENT = "it pins work to one rank of the engine past its balancing"
_SESSION = "it continues another client's session, with that client's text in it"

REFUSED_FIELDS: Mapping[str, str] = {
    "custom_logit_processor": "the engine unpickles it, which runs code of the client's choice",
    "custom_params": "only custom logit processors read it",
    "lora_path": "it makes the engine load files by path; only the served model is offered",
    "bootstrap_host": _DISAGGREGATION,
    "bootstrap_port": _DISAGGREGATION,
    "bootstrap_room": _DISAGGREGATION,
    "disagg_prefill_dp_rank": _PLACEMENT,
    "routed_dp_rank": _PLACEMENT,
    "data_parallel_rank": _PLACEMENT,
    "rid": "a chosen request id can collide with another client's request and abort it",
    "priority": "it passes the requests of other clients",
    "session_id": _SESSION,
    "session_params": _SESSION,
    "stop_regex": "the scheduler runs it at every step, so one slow expression stops every client",
    "custom_labels": "it adds metric series without limit",
    "return_hidden_states": "it copies every layer's output to the host and slows every client",
    "return_routed_experts": "it copies the routing of every token to the host and slows every client",
}
"""Top-level fields and why they are refused."""

REFUSED_TEMPLATE_FIELDS: Mapping[str, str] = {
    "chat_template": "the engine runs it as a program, which can stop every client (0.5.16 accepts it)",
}
"""The same inside ``chat_template_kwargs``."""
