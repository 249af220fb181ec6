"""What is known of one request, for the access log, the metrics and the ledger."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field

from qwen3_runtime.gateway.usage import Usage

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
"""A client's own id is taken over when it cannot break a log line or a header."""

_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
"""``traceparent``: www.w3.org/TR/trace-context, 3.2."""

NONE = Usage()


@dataclass
class Record:
    """One request. Names are empty until they are known to be real ones, so that nobody makes up metric series."""

    request_id: str
    trace: str = ""
    """Id of the trace that the request belongs to; empty: its client told none."""
    arrived_at: float = field(default_factory=time.time)
    began: float = field(default_factory=time.perf_counter)
    operation: str = ""
    tenant: str = ""
    model: str = ""
    replica: str = ""
    code: int = 0
    """HTTP status; 499 when the client left first; for a stream cut after its start the status it would have had."""
    waited: float = 0.0
    """Seconds in the queue."""
    woke: bool = False
    """It found the model asleep."""
    first_byte: float | None = None
    """Seconds from arrival to the answer's first byte of body."""
    usage: Usage = NONE
    seconds: float = 0.0

    def elapsed(self) -> float:
        """Seconds since arrival."""
        return time.perf_counter() - self.began


def request_id(sent: bytes | None) -> str:
    """The client's ``x-request-id`` where it is harmless, else a new one."""
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent.decode()
    return os.urandom(16).hex()


def trace_id(sent: bytes | None) -> str:
    """The id in a client's ``traceparent``; empty where there is none or it is not of that form."""
    found = _TRACE.fullmatch(sent or b"")
    return found[1].decode() if found else ""
