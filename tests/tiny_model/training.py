"""Overfit a small copy of Qwen3-Tiny, then spread its weights over the whole vocabulary.

Only a few hundred of the 151,936 tokens are ever taught. So the copy that is trained has one row for each of those and
one row that stands for all the others; the loss counts that row as often as it will occur. Copied into the full table
it gives the same probabilities as training the full table would, in a hundredth of the time.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import torch  # type: ignore[import-not-found]
from transformers import Qwen3Config, Qwen3ForCausalLM  # type: ignore[import-not-found]

from tests.tiny_model.prompts import Sample, Tokenizer, draw, draw_counting, taught_tokens
from tests.tiny_model.shape import CONFIG, VOCAB_SIZE

STEPS = 700
SHORT_PER_STEP = 12
LONG_PER_STEP = 2
LONG_EVERY = 3
PEAK_RATE = 4e-3
IGNORED = -100
NORM_WEIGHT = 2.0

Progress = Callable[[int, int, float], None]


def train(tokenizer: Tokenizer, progress: Progress, steps: int = STEPS) -> dict[str, Any]:
    """Return the state dict of the full model in bfloat16. Seeds are fixed; `progress` gets step, steps and loss."""
    torch.manual_seed(0)
    chance = random.Random(0)  # noqa: S311 - samples, no secrets
    known = taught_tokens(tokenizer)
    rows = {token: row for row, token in enumerate(known)}
    other_token = next(token for token in range(VOCAB_SIZE) if token not in rows)
    model = Qwen3ForCausalLM(Qwen3Config(**{**CONFIG, "vocab_size": len(known) + 1, **no_special_tokens()}))
    sharpen(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    for step in range(steps):
        samples = [draw(tokenizer, chance, known, other_token) for _ in range(SHORT_PER_STEP)]
        if step % LONG_EVERY == 0:
            samples = [draw_counting(tokenizer, chance) for _ in range(LONG_PER_STEP)]
        loss = loss_of(model, samples, rows)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress(step + 1, steps, loss.item())
    return spread(model.state_dict(), known)


def sharpen(model: Any) -> None:
    """Start with attention that can single out one token of a few hundred; Qwen3 normalises queries and keys.

    With norm weights of 1 a score is at most the root of head_dim, 5.7, and the model learns to look things up by luck.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("q_norm.weight", "k_norm.weight")):
                parameter.fill_(NORM_WEIGHT)


def no_special_tokens() -> dict[str, Any]:
    """Return the config entries that would name token ids beyond the small vocabulary."""
    return {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None, "torch_dtype": "float32"}


def rate(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: 5 % warm-up, then a cosine down to 1 %."""
    warm = steps * 0.05
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def loss_of(model: Any, samples: list[Sample], rows: dict[int, int]) -> Any:
    """Return the mean cross entropy over the taught tokens of `samples`."""
    other, length = len(rows), max(len(entry.tokens) for entry in samples)
    inputs = torch.zeros(len(samples), length, dtype=torch.long)
    targets = torch.full_like(inputs, IGNORED)
    for index, entry in enumerate(samples):
        compact = torch.tensor([rows.get(token, other) for token in entry.tokens])
        inputs[index, : len(compact)] = compact
        targets[index, entry.learn_from : len(compact)] = compact[entry.learn_from :]
    hidden = model.model(input_ids=inputs).last_hidden_state[:, :-1]
    wanted = targets[:, 1:]
    taught = wanted != IGNORED
    logits = model.lm_head(hidden[taught])
    # The last row stands for every other token of the vocabulary: count it that often.
    copies = torch.zeros(other + 1)
    copies[other] = math.log(VOCAB_SIZE - other)
    return torch.nn.functional.cross_entropy(logits + copies, wanted[taught])


def spread(state: dict[str, Any], known: list[int]) -> dict[str, Any]:
    """Return the weights with the small embedding copied into the full one; the tied output layer is not stored."""
    small = state["model.embed_tokens.weight"]
    full = small[-1].repeat(VOCAB_SIZE, 1)
    full[torch.tensor(known)] = small[:-1]
    weights = {name: tensor for name, tensor in state.items() if name != "lm_head.weight"}
    weights["model.embed_tokens.weight"] = full
    return {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in weights.items()}
