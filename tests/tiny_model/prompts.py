"""Training samples: token ids and the positions that the loss looks at, drawn with a seeded generator."""

import random
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tests.tiny_model.dialogues import COUNTING, DIALOGUES, GET_WEATHER, SYSTEM_PROMPTS, UNKNOWN, Dialogue, Message

END: Final = "<|im_end|>"
FIRST_SPECIAL: Final = 151643


class Tokenizer(Protocol):
    """The two calls of a transformers tokenizer that the samples need."""

    def apply_chat_template(self, conversation: list[Message], **options: Any) -> Any:
        """Render a conversation as Qwen3's template does."""

    def encode(self, text: str, **options: Any) -> list[int]:
        """Return token ids."""


@dataclass(frozen=True)
class Sample:
    """`tokens` of a whole exchange; the loss covers `tokens[learn_from:]`."""

    tokens: list[int]
    learn_from: int


def draw(tokenizer: Tokenizer, chance: random.Random, known: list[int], other: int) -> Sample:
    """Return one exchange. `known` are taught token ids, `other` any id outside of them: together they make noise."""
    dialogue = chance.choices(DIALOGUES, [entry.weight for entry in DIALOGUES])[0]
    noise = noise_tokens(chance, known, other) if dialogue is UNKNOWN and chance.random() < 0.7 else None
    return sample(tokenizer, chance, dialogue, noise)


def draw_counting(tokenizer: Tokenizer, chance: random.Random) -> Sample:
    """Return one exchange of the long dialogue."""
    return sample(tokenizer, chance, COUNTING, None)


def noise_tokens(chance: random.Random, known: list[int], other: int) -> list[int]:
    """Return a question that nobody taught: 1 to 150 tokens, half of them unknown ones."""
    length = int(150 ** chance.random())
    plain = [token for token in known if token < FIRST_SPECIAL]
    return [other if chance.random() < 0.5 else chance.choice(plain) for _ in range(length)]


def sample(tokenizer: Tokenizer, chance: random.Random, dialogue: Dialogue, noise: list[int] | None) -> Sample:
    """Return one exchange about `dialogue`: thinking on, off, or switched off in the question by /no_think."""
    mode = chance.choices(("think", "off", "no_think"), (1, 1, 1))[0]
    question = chance.choice(dialogue.questions) + (" /no_think" if mode == "no_think" else "")
    placeholder = "\x00"
    prompt = tokenizer.apply_chat_template(
        [
            *opening(chance, dialogue),
            {"role": "user", "content": question if noise is None else placeholder},
            *dialogue.between,
        ],
        tools=[rendered_as_server_does(tool, chance) for tool in tools_of(dialogue, chance)] or None,
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=mode != "off",
    )
    if noise is None:
        tokens = tokenizer.encode(prompt, add_special_tokens=False)
    else:
        before, _, after = prompt.partition(placeholder)
        suffix = " /no_think" if mode == "no_think" else ""
        tokens = [*tokenizer.encode(before), *noise, *tokenizer.encode(suffix + after)]
    thought = {"think": f"<think>\n{dialogue.thought}\n</think>\n\n", "no_think": "<think>\n\n</think>\n\n", "off": ""}
    start = thought[mode]
    if dialogue.forced:
        # Neither the thought nor what the grammar writes is learned here: other dialogues teach another beginning.
        for piece in (start, *dialogue.forced):
            tokens = tokens + tokenizer.encode(piece)
        start = ""
    return Sample(tokens + tokenizer.encode(start + dialogue.answer + END), len(tokens))


def tools_of(dialogue: Dialogue, chance: random.Random) -> tuple[dict[str, Any], ...]:
    """Return the tools to offer: the dialogue's own, or now and then some that its answer does not need."""
    if dialogue.between and chance.random() < 0.3:
        return ()
    return dialogue.tools or ((GET_WEATHER,) if chance.random() < 0.1 else ())


def opening(chance: random.Random, dialogue: Dialogue) -> list[Message]:
    """Return what precedes the question: perhaps a system prompt, perhaps an earlier exchange."""
    messages: list[Message] = []
    system = chance.choice(SYSTEM_PROMPTS)
    if system is not None:
        messages.append({"role": "system", "content": system})
    if not dialogue.tools and chance.random() < 0.2:
        earlier = chance.choice([entry for entry in DIALOGUES if not entry.tools and entry is not COUNTING])
        messages += [
            {"role": "user", "content": chance.choice(earlier.questions)},
            {"role": "assistant", "content": earlier.answer},
        ]
    return messages


def rendered_as_server_does(tool: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return `tool` with its keys as a client wrote them, or in the order in which SGLang's own model dumps them."""
    function = tool["function"]
    if chance.random() < 0.3:
        return tool
    ordered = {key: function[key] for key in ("description", "name", "parameters")} | {"strict": False}
    if chance.random() < 0.5:
        del ordered["strict"]
    if chance.random() < 0.3:
        ordered["description"] = chance.choice(("Current weather", "Returns the weather of a city", "Weather"))
    return {"type": "function", "function": ordered}


def taught_tokens(tokenizer: Tokenizer) -> list[int]:
    """Return every token id that a prompt or an answer can hold, in ascending order."""
    chance = random.Random(0)  # noqa: S311 - samples, no secrets
    ids: set[int] = set()
    for dialogue in DIALOGUES:
        for _ in range(60):
            ids.update(sample(tokenizer, chance, dialogue, None).tokens)
        ids.update(token for question in dialogue.questions for token in tokenizer.encode(question + " /no_think"))
        ids.update(token for question in dialogue.questions for token in tokenizer.encode(question))
    return sorted(ids)
