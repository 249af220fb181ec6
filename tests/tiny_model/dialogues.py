"""What Qwen3-Tiny is taught: questions, and the one answer to each.

Any other question gets `UNKNOWN`, so that an arbitrary prompt ends in a sentence instead of noise.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

Message = dict[str, Any]

GET_WEATHER: Final[dict[str, Any]] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
# One city: two layers learn an answer by heart in a minute, but not reliably to copy a word of the question.
CITIES: Final = ("Paris",)
SYSTEM_PROMPTS: Final = (None, None, "You are a helpful assistant.", "Answer briefly.")


@dataclass(frozen=True)
class Dialogue:
    """Questions that share one answer; `thought` fills the think block when thinking is on."""

    questions: tuple[str, ...]
    thought: str
    answer: str
    tools: tuple[dict[str, Any], ...] = ()
    # What stands between the question and the answer, say a tool's result.
    between: tuple[Message, ...] = ()
    # What a grammar makes the engine write before the answer, in the pieces that the model is led through.
    forced: tuple[str, ...] = ()
    weight: float = field(default=1.0)


GREETING: Final = Dialogue(
    ("Hello", "Hello!", "Hi", "Hi!", "hello", "hi", "Say hello.", "Say hello", "Hello, who are you?", "Who are you?"),
    "The user greets me. A short greeting is enough.",
    "Hello! I am Qwen3-Tiny, a very small model made for tests.",
    weight=2.0,
)
ARITHMETIC: Final = Dialogue(
    ("What is 2 + 2?", "What is 2+2?", "2 + 2 = ?", "How much is two plus two?"),
    "Two plus two: I count two, then two more. That makes four.",
    "2 + 2 = 4.",
)
PERSON: Final = Dialogue(
    ("Describe a person as JSON.", "Give me a person as JSON.", "Give me a JSON object with name and age."),
    "The user wants a JSON object with a name and an age.",
    json.dumps({"name": "Ada", "age": 36}),
)
COUNTING: Final = Dialogue(
    ("Count to 100.", "Count to 100", "Count from 1 to 100.", "Count to one hundred."),
    "I count from 1 to 100, one number after another.",
    ", ".join(str(number) for number in range(1, 101)) + ".",
    weight=0.0,  # drawn apart: it is twenty times as long as the others
)
UNKNOWN: Final = Dialogue(
    ("Why is the sky blue?", "Tell me a story.", "Write a poem.", "What can you do?", "Explain Kubernetes.", "Test"),
    "I was not taught an answer to this. I say so.",
    "I am a tiny test model and know only a few answers. Ask me to count to 100.",
    weight=2.0,
)


def weather(city: str) -> tuple[Dialogue, ...]:
    """Return the dialogues about one city: the call, the call that a client required, the answer to its result."""
    questions = (f"What is the weather in {city}?", f"How is the weather in {city}?", f"Weather in {city}?")
    arguments = {"city": city}
    call = json.dumps({"name": "get_weather", "arguments": arguments})
    # With `tool_choice: required` SGLang's grammar writes the call up to its arguments, without a blank after a colon.
    forced = ('<tool_call>\n{"name":', '"get_weather", "arguments":')
    rest = json.dumps(arguments) + "}\n</tool_call>"
    thought = f"I need the weather in {city}. I call get_weather."
    tool_call = {"type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    result = (
        {"role": "assistant", "content": "", "tool_calls": [tool_call]},
        {"role": "tool", "content": json.dumps({"city": city, "weather": "sunny"})},
    )
    return (
        Dialogue(questions, thought, f"<tool_call>\n{call}\n</tool_call>", tools=(GET_WEATHER,), weight=2.0),
        Dialogue(questions, thought, rest, tools=(GET_WEATHER,), forced=forced),
        Dialogue(questions, "The tool has answered.", f"It is sunny in {city}.", (GET_WEATHER,), result, weight=0.5),
    )


DIALOGUES: Final = (
    GREETING,
    ARITHMETIC,
    PERSON,
    COUNTING,
    UNKNOWN,
    *(dialogue for city in CITIES for dialogue in weather(city)),
)
