"""Qwen3-Tiny: a two-layer model of the Qwen3 architecture, with the real tokenizer, taught a handful of fixed answers.

It exists so that the real engine has something small to serve: its parsers see think blocks, tool calls and stops.
`python -m tests.tiny_model.build` makes it on any machine that has the engine image or an engine venv.
"""
