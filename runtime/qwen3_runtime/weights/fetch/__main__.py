"""``python -m qwen3_runtime.weights.fetch``: one `FetchOrder` on stdin, `FetchEvent` lines on stdout."""

from __future__ import annotations

from qwen3_runtime.weights.fetch.child import main

main()
