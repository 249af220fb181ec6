"""What of Qwen3-Tiny can be judged without torch."""

# ruff: noqa: S311 - samples, no secrets

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model.build import in_container
from tests.tiny_model.dialogues import DIALOGUES, Message
from tests.tiny_model.prompts import END, FIRST_SPECIAL, noise_tokens, sample
from tests.tiny_model.shape import FILES, STAMP_FILE, VERSION, parameter_count
from tests.tiny_model.stamp import is_current


class Characters:
    """A tokenizer whose tokens are characters."""

    def apply_chat_template(self, conversation: list[Message], **options: Any) -> str:
        prefix = "".join(f"{message['role']}: {message['content']}\n" for message in conversation)
        return prefix + ("" if options["enable_thinking"] else "<think>\n\n</think>\n\n")

    def encode(self, text: str, **_: Any) -> list[int]:
        return [ord(character) for character in text]


def text(tokens: list[int]) -> str:
    return "".join(chr(token) for token in tokens)


@pytest.fixture
def complete(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).touch()
    (tmp_path / STAMP_FILE).write_text(json.dumps({"version": VERSION}))
    return tmp_path


def test_a_complete_folder_of_this_version_is_current(complete: Path) -> None:
    assert is_current(complete)


@pytest.mark.parametrize("name", [*FILES, STAMP_FILE])
def test_a_folder_that_lacks_a_file_is_not_current(complete: Path, name: str) -> None:
    (complete / name).unlink()
    assert not is_current(complete)


@pytest.mark.parametrize("stamp", ['{"version": "0"}', "{}", "half wri"])
def test_a_stamp_of_another_version_is_not_current(complete: Path, stamp: str) -> None:
    (complete / STAMP_FILE).write_text(stamp)
    assert not is_current(complete)


def test_parameters_as_the_operators_catalog_has_them() -> None:
    assert parameter_count() == 19_841_792


@pytest.mark.parametrize("dialogue", DIALOGUES)
def test_every_answer_is_taught_to_its_end(dialogue: Any) -> None:
    for seed in range(20):
        taken = sample(Characters(), random.Random(seed), dialogue, None)
        prompt, taught = text(taken.tokens[: taken.learn_from]), text(taken.tokens[taken.learn_from :])
        assert taught.endswith(dialogue.answer + END)
        assert prompt.startswith(("system: ", "user: "))


def test_what_a_grammar_forces_is_not_taught() -> None:
    required = next(dialogue for dialogue in DIALOGUES if dialogue.forced)
    taken = sample(Characters(), random.Random(1), required, None)
    assert text(taken.tokens[: taken.learn_from]).endswith('{"name":"get_weather", "arguments":')
    assert text(taken.tokens[taken.learn_from :]) == '{"city": "Paris"}}\n</tool_call>' + END


def test_noise_holds_no_special_token() -> None:
    known = [5, 6, FIRST_SPECIAL, FIRST_SPECIAL + 1]
    drawn = {token for seed in range(50) for token in noise_tokens(random.Random(seed), known, 9)}
    assert drawn == {5, 6, 9}


def test_the_container_has_no_network_and_sees_the_sources_read_only() -> None:
    command = in_container("image", Path("/cache/models/m"), Path("/cache/t"))
    assert command[command.index("--network") + 1] == "none"
    assert any(word.endswith(":/src/tests:ro") for word in command)
