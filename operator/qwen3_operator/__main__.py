"""``python -m qwen3_operator``."""

from qwen3_operator.main import main

main()
