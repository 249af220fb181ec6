"""LoRA adapters of a running pod: the list that it follows, and what it takes to serve another one."""
