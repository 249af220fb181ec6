"""``python -m qwen3_runtime``: process 1 of an engine pod."""

from qwen3_runtime.main import main

if __name__ == "__main__":
    raise SystemExit(main())
