"""``kubectl qwen3``: the planner and its answers on a terminal, with or without a cluster."""
