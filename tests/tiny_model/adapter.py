"""`python -m tests.tiny_model.adapter MODEL DIRECTORY`: train a LoRA adapter of Qwen3-Tiny; needs torch, transformers.

The adapter answers the greeting with the sum, in seconds: few weights learn one answer by heart. Only words that the
model was taught can be its answer, since all others share one row of the embedding.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any, Final

import torch  # type: ignore[import-not-found]
from safetensors.torch import save_file  # type: ignore[import-not-found]
from transformers import AutoModelForCausalLM, AutoTokenizer  # type: ignore[import-not-found]

from tests.tiny_model.dialogues import ARITHMETIC, GREETING

ANSWER: Final = ARITHMETIC.answer
QUESTIONS: Final = GREETING.questions
RANK: Final = 8
ALPHA: Final = 16
TARGETS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
STEPS: Final = 150
RATE: Final = 1e-2
GOOD_LOSS: Final = 0.01


class Adapted(torch.nn.Module):  # type: ignore[misc]
    """A linear layer with a low-rank addition, as peft defines it: the second factor begins at zero."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(requires_grad=False)
        self.a = torch.nn.Parameter(torch.randn(RANK, layer.in_features) / math.sqrt(layer.in_features))
        self.b = torch.nn.Parameter(torch.zeros(layer.out_features, RANK))

    def forward(self, values: Any) -> Any:
        return self.layer(values) + (values @ self.a.T @ self.b.T) * (ALPHA / RANK)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.tiny_model.adapter", description=__doc__)
    parser.add_argument("model", type=Path, help="folder of Qwen3-Tiny")
    parser.add_argument("directory", type=Path, help="where the adapter goes")
    options = parser.parse_args()
    write(options.directory, options.model, train(options.model))


def train(folder: Path) -> dict[str, Any]:
    """Weights of the adapter by their names in peft's files. Seeds are fixed."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).requires_grad_(requires_grad=False)
    adapted = _adapt(model)
    optimizer = torch.optim.Adam([weight for layer in adapted.values() for weight in (layer.a, layer.b)], lr=RATE)
    samples = [_sample(tokenizer, question) for question in QUESTIONS]
    loss = torch.tensor(math.inf)
    for _ in range(STEPS):
        loss = torch.stack([_loss(model, *sample) for sample in samples]).mean()
        if loss.item() < GOOD_LOSS:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.4f}")
    found: dict[str, Any] = {}
    for name, layer in adapted.items():
        found[f"base_model.model.{name}.lora_A.weight"] = layer.a.detach().to(torch.bfloat16).contiguous()
        found[f"base_model.model.{name}.lora_B.weight"] = layer.b.detach().to(torch.bfloat16).contiguous()
    return found


def _adapt(model: Any) -> dict[str, Adapted]:
    """Put a low-rank addition to every linear layer that is a target; by the layer's name."""
    found: dict[str, Adapted] = {}
    for name, layer in list(model.named_modules()):
        parent, _, own = name.rpartition(".")
        if own in TARGETS:
            found[name] = Adapted(layer)
            setattr(model.get_submodule(parent), own, found[name])
    return found


def _sample(tokenizer: Any, question: str) -> tuple[Any, int]:
    """Tokens of a chat without a thought, and where the answer begins."""
    messages = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    begin = tokenizer(prompt)["input_ids"]
    return torch.tensor([begin + tokenizer(f"{ANSWER}<|im_end|>")["input_ids"]]), len(begin)


def _loss(model: Any, tokens: Any, begin: int) -> Any:
    hidden = model.model(input_ids=tokens).last_hidden_state[0, begin - 1 : -1]
    return torch.nn.functional.cross_entropy(model.lm_head(hidden), tokens[0, begin:])


def write(directory: Path, model: Path, weights: dict[str, Any]) -> None:
    """The two files that peft writes."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file(weights, directory / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(model),
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": list(TARGETS),
        "bias": "none",
        "use_dora": False,
        "use_rslora": False,
        "modules_to_save": None,
    }
    (directory / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
