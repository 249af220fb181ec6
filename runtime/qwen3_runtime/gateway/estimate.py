"""What a request will probably use, learned from what the tenant's requests to the model have used. Pure.

The engines' own tokenizers would be exact, but they lie in the models' folders; bytes are at hand. The ratio is learned
per tenant and model, since it depends on language, escapes and the chat template, and every request is settled by
the engine's own count in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwen3_runtime.gateway.call import Call
    from qwen3_runtime.gateway.usage import Usage

BYTES_PER_TOKEN = 4.0
"""Before anything is known: English text in a JSON body has 4 to 5 by Qwen's tokenizer."""
OUTPUT_TOKENS = 512
"""Before anything is known, where the request states no maximum: the planner's default answer."""
MEMORY = 0.1
"""Weight of the newest request: about the last ten count."""
KEPT = 10_000
"""Pairs of tenant and model; at 200 bytes each, 2 MB."""


@dataclass(frozen=True)
class Estimate:
    """Tokens."""

    prompt: int
    output: int
    """At most this many where the request states a maximum, else what is usual."""

    @property
    def work(self) -> int:
        """Both."""
        return self.prompt + self.output


@dataclass
class _Seen:
    bytes_per_token: float = BYTES_PER_TOKEN
    output: float = OUTPUT_TOKENS


class Estimates:
    """What has been learned."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}

    def of(self, tenant: str, call: Call, *, generates: bool) -> Estimate:
        """What the call will probably use."""
        seen = self._seen.get((tenant, call.model)) or _Seen()
        output = round(seen.output) if call.max_output_tokens is None else call.max_output_tokens
        return Estimate(prompt=-int(-call.text_bytes // seen.bytes_per_token), output=output if generates else 0)

    def expected_work(self, tenant: str, call: Call, estimate: Estimate) -> float:
        """Tokens that it will probably take: few requests use all that they may."""
        seen = self._seen.get((tenant, call.model)) or _Seen()
        return estimate.prompt + min(estimate.output, seen.output)

    def learn(self, tenant: str, call: Call, usage: Usage) -> None:
        """Take a finished request into account."""
        if not usage.prompt:
            return
        key = (tenant, call.model)
        if (seen := self._seen.pop(key, None)) is None:
            seen = _Seen(call.text_bytes / usage.prompt, usage.output or OUTPUT_TOKENS)
            if len(self._seen) >= KEPT:
                self._seen.pop(next(iter(self._seen)))
        self._seen[key] = seen
        seen.bytes_per_token += MEMORY * (call.text_bytes / usage.prompt - seen.bytes_per_token)
        seen.output += MEMORY * (usage.output - seen.output)
