"""Text of every script comes whole out of a stream: no character is cut between two events, none is replaced.

A tiny model says nothing in Thai, so a grammar makes it spell the text; how the tokens cut its bytes is then the
engine's choice at every step, as it is in a real answer.
"""

# ruff: noqa: RUF001 - the letters are meant

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.engine.pod import MODEL, Pod

TEXTS = {
    "arabic": "السلام عليكم، كيف حالك؟",
    "armenian": "Բարեւ ձեզ",
    "bengali": "আপনি কেমন আছেন?",
    "chinese": "你好，世界！龘靐齉",
    "devanagari": "नमस्ते दुनिया, क्षत्रिय",
    "ethiopic": "ሰላም ለዓለም",
    "georgian": "გამარჯობა",
    "greek": "Καλημέρα κόσμε",
    "gujarati": "કેમ છો",
    "hebrew": "שָׁלוֹם עוֹלָם",
    "japanese": "こんにちは、世界。ｶﾞｷﾞ",
    "kannada": "ನಮಸ್ಕಾರ",
    "khmer": "សួស្តីពិភពលោក",
    "korean": "안녕하세요 각",
    "lao": "ສະບາຍດີ",
    "latin": "Žluťoučký kůň, ¿qué tal? ẞ ø",
    "malayalam": "നമസ്കാരം",
    "burmese": "မင်္ဂလာပါ",
    "cyrillic": "Привет, мир! Ўзбекча",
    "sinhala": "ආයුබෝවන්",
    "tamil": "வணக்கம் உலகம்",
    "telugu": "నమస్కారం",
    "thai": "สวัสดีชาวโลก",
    "tibetan": "བཀྲ་ཤིས་བདེ་ལེགས",
    "emoji": "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇺🇳 😀",
    "combining": "é ạ̈ Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "astral": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠮷 𒀀",
}


async def streamed(pod: Pod, text: str) -> str:
    """What the events of a stream say together."""
    body: dict[str, Any] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hello"}],
        "enable_thinking": False,
        "stream": True,
        "temperature": 1,
        "max_tokens": 600,
        "ebnf": f"root ::= {json.dumps(text, ensure_ascii=False)}",
    }
    said = ""
    async with aiohttp.ClientSession() as session, session.post(f"{pod.url}/v1/chat/completions", json=body) as answer:
        assert answer.status == 200
        while line := await answer.content.readline():
            if line.startswith(b"data: {"):
                for choice in json.loads(line.removeprefix(b"data: "))["choices"]:
                    said += choice["delta"].get("content") or ""
    return said


@pytest.mark.parametrize("half", [0, 1])
async def test_text_of_every_script_comes_whole(pod: Pod, half: int) -> None:
    names = sorted(TEXTS)[half::2]
    said = await asyncio.gather(*(streamed(pod, TEXTS[name]) for name in names))
    assert dict(zip(names, said, strict=True)) == {name: TEXTS[name] for name in names}
