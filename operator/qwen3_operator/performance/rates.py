"""What one replica does of prompts and of answers, if it did nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qwen3_operator.performance.types import Speed

_LEAST = 1e-6
"""Seconds: no part of a request is free."""


class TokenRates(NamedTuple):
    """Tokens per second of one replica."""

    prompt: float
    output: float


def shorter(prompt_tokens: int) -> int:
    """Tokens of the prompt that is half as long, of which `token_rates` takes the speed too."""
    return max(1, prompt_tokens // 2)


def token_rates(prompt_tokens: int, output_tokens: int, usual: Speed, with_shorter: Speed) -> TokenRates:
    """The seconds of a typical request divided among its two parts.

    What a prompt costs is what half of it spares, doubled.

    Args:
        prompt_tokens: Of a typical request.
        output_tokens: Of a typical request.
        usual: Speed under many such requests.
        with_shorter: The same with prompts of ``shorter(prompt_tokens)``.
    """
    seconds = output_tokens / usual.output_tokens_per_second
    spared = max(0.0, seconds - output_tokens / with_shorter.output_tokens_per_second)
    whole = spared * prompt_tokens / max(1, prompt_tokens - shorter(prompt_tokens))
    prompt = max(_LEAST, min(whole, seconds - _LEAST))
    return TokenRates(prompt_tokens / prompt, output_tokens / max(_LEAST, seconds - prompt))
