"""Imported by SGLang's load generator for traces from the Hub, which the benchmarks here do not use."""

# ruff: noqa: INP001 - a top-level module by purpose

from typing import NoReturn


def load_dataset(*_: object, **__: object) -> NoReturn:
    """Say what is missing."""
    raise RuntimeError("traces from the Hub need the package datasets, which this image has not")
