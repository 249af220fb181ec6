"""Stands in for IPython, of which SGLang imports two names for notebooks."""

# ruff: noqa: N999 - the name of what it stands in for
