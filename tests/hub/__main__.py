"""`python -m tests.hub NAME FOLDER`: a folder as a repository, for as long as this runs; SIGUSR1 opens the gate."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from tests.hub.content import Repository
from tests.hub.server import Hub

_SIGNALS = {signal.SIGUSR1, signal.SIGTERM, signal.SIGINT}


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description=__doc__)
    parser.add_argument("name", help="of the repository, owner/name")
    parser.add_argument("folder", type=Path, help="its files")
    parser.add_argument("--port", type=int, required=True, help="on every address")
    parser.add_argument("--token", help="needed for everything but large files")
    parser.add_argument("--large-files", help="another name of this server, for large files: http://host:port")
    parser.add_argument("--gate", type=int, help="bytes of content until SIGUSR1")
    options = parser.parse_args()
    # Before the server's threads, which inherit it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    files = {path.name: path.read_bytes() for path in options.folder.iterdir() if path.is_file()}
    hub = Hub(
        Repository(options.name, files),
        token=options.token,
        address=("", options.port),
        large_files=options.large_files,
    )
    if options.gate is not None:
        hub.gate.close_after(options.gate)
    with hub:
        while signal.sigwait(_SIGNALS) == signal.SIGUSR1:
            hub.gate.open()


if __name__ == "__main__":
    main()
