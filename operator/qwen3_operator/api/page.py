"""Command line of what writes one page of the docs: ``[--check] [--out FILE]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def write_page(text: str, default: Path, renew: str, arguments: list[str] | None) -> int:
    """Write the page, or with ``--check`` say whether it is stale and which command renews it.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=f"Writes {default}.")
    parser.add_argument("--out", type=Path, default=default)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    if not options.check:
        options.out.write_text(text, encoding="utf-8")
        return 0
    if options.out.is_file() and options.out.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{options.out} is stale: run {renew}\n")
    return 1
