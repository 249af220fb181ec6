"""``python -m bench.accuracy``: the report; with ``fit``: calibrate and write the constants first."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from bench.accuracy import constants, report
from bench.accuracy.fit import cross_validated, fit, without_its_length
from bench.accuracy.rows import measured
from qwen3_operator.catalog import load_catalog


def main(arguments: list[str]) -> int:
    """Run; 2 for an argument that is not known."""
    if arguments not in ([], ["fit"]):
        print(__doc__)
        return 2
    rows = measured(load_catalog())
    folds, predicted = cross_validated(rows, constants.known_values())
    if arguments:
        data = Path(str(resources.files("qwen3_operator.catalog"))) / "data" / "performance.yaml"
        constants.write(data, fit(rows, constants.known_values()), folds)
    slow = without_its_length(rows, constants.known_values(), report.SLOW_GROUP)
    report.write(load_catalog(), rows, predicted, slow)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
