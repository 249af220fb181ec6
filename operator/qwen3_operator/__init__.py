"""Operator for ``Qwen3Deployment``: plan, render, apply, report."""
