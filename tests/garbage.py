"""Objects that only a garbage collection finds: enough of them, and one request in a thousand waits for it."""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = ("qwen3_runtime.", "uvicorn.")


@contextmanager
def collected() -> Iterator[Counter[str]]:
    """Fills in, at the block's end, how many of our objects and of the server's had become garbage in cycles."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        types = [type(one) for one in gc.garbage]
        found.update(kind.__qualname__ for kind in types if kind.__module__.startswith(_OURS))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
