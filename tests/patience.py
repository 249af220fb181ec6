"""How long a test waits for what must come."""

HANG_SECONDS = 120
"""Ends what hangs, below pytest's own limit, so that the test says what it waited for.

Nothing that is right takes so long: not on a machine that is five times slower for a while, nor beside another suite.
What has to take less, or more, is shown by the order of things instead.
"""
