"""Tests of qwen3_operator.admission."""
