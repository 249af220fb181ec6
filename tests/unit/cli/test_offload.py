"""``kubectl qwen3 offload``."""

from __future__ import annotations

import json
import re

import pytest

from qwen3_operator.cli.errors import BAD_INPUT
from tests.unit.cli.samples import run


def layers(*arguments: str) -> tuple[int, int]:
    done = run("offload", *arguments)
    assert done.exit_code == 0, done.output
    found = re.search(r"(\d+) of (\d+) layers on the device", done.stdout)
    assert found is not None
    return int(found[1]), int(found[2])


def test_a_model_that_fits_lies_on_the_device_whole() -> None:
    assert layers("--model", "Qwen3-4B", "--accelerator", "T4") == (37, 37)


def test_a_long_context_pushes_layers_to_the_host() -> None:
    on_device, of = layers("--model", "Qwen3-32B", "--accelerator", "RTX-4090", "--context", "32768")
    assert 0 < on_device < of == 65


def test_the_embedding_stays_with_the_host() -> None:
    apart = run("offload", "--model", "Qwen3-32B", "--accelerator", "RTX-5090").stdout
    assert re.search(r"65 of 65 layers .* GB in the host's memory for the embedding", apart)
    tied = run("offload", "--model", "Qwen3-4B", "--accelerator", "T4").stdout
    assert "nothing in the host's memory" in tied


def test_json_has_the_numbers() -> None:
    found = json.loads(run("offload", "--model", "Qwen3-32B", "--accelerator", "T4", "-o", "json").stdout)
    assert (found["model"], found["accelerator"], found["quantization"]) == ("Qwen3-32B", "T4", "GGUF-Q4_K_M")
    assert 0 < found["layersOnDevice"] < found["layers"]
    assert found["deviceBytes"] > 0 < found["hostBytes"]
    assert found["tokensPerSecond"] > 0 < found["timeToFirstTokenSeconds"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--model", "Qwen3-32B", "--accelerator", "T4", "--context", "1000000"),
            "--context 1000000 is too long: Qwen3-32B has at most 131072",
        ),
        (
            ("--model", "Qwen3-32B", "--accelerator", "T4", "--prompt", "5000"),
            "--prompt 5000 is longer than --context 4096",
        ),
        (
            ("--model", "Qwen3-32B", "--accelerator", "Ascend-910B3"),
            "llama.cpp's speed is known on NVIDIA and AMD GPUs only",
        ),
        (("--model", "Qwen3-4", "--accelerator", "T4"), "--model: model 'Qwen3-4' is not known"),
        (("--model", "Qwen3-4B", "--accelerator", "T5"), "'T5' is not known"),
        (
            ("--model", "Qwen3-32B", "--accelerator", "T4", "--quantization", "FP8"),
            "--quantization 'FP8': Qwen3-32B has these GGUF formats",
        ),
    ],
)
def test_bad_input_names_what_would_be_right(arguments: tuple[str, ...], words: str) -> None:
    done = run("offload", *arguments)
    assert done.exit_code == BAD_INPUT
    assert words in done.stderr
