"""The table of values in the chart's README, made from the comments of values.yaml.

``python3 -m tests.chart.documentation`` writes it anew.
"""

from __future__ import annotations

import json
import re

from tests.chart.chart import CHART, default_values, leaves, lookup

README = CHART / "README.md"
BEGIN, END = "<!-- values -->", "<!-- end of values -->"
_KEY = re.compile(r"^( *)([A-Za-z]+):")


def comments() -> dict[tuple[str, ...], str]:
    """The comment lines right above each key of values.yaml, by the key's path; "" where there is none."""
    found: dict[tuple[str, ...], str] = {}
    above: list[str] = []
    path: tuple[str, ...] = ()
    for line in (CHART / "values.yaml").read_text().splitlines():
        if line.lstrip().startswith("#"):
            above.append(line.lstrip(" #"))
            continue
        key = _KEY.match(line)
        if key:
            path = (*path[: len(key[1]) // 2], key[2])
            found[path] = " ".join(above)
        above = []
    return found


def table() -> str:
    """A Markdown row per value that can be set, with its default and its comment.

    A value without a comment of its own belongs to the nearest commented one above it (``resources``).
    """
    values, texts = default_values(), comments()
    rows = ["| value | default | meaning |", "|---|---|---|"]
    shown: set[tuple[str, ...]] = set()
    for leaf in leaves(values):
        path = leaf
        while not texts[path]:
            path = path[:-1]
        if path not in shown:
            shown.add(path)
            default = json.dumps(lookup(values, path))
            rows.append(f"| `{'.'.join(path)}` | `{default}` | {texts[path]} |")
    return "\n".join(rows)


def main() -> None:
    """Replace the table in the README."""
    text = README.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
