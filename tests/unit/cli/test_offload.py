"""``kubectl qwen3 offload``."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
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
