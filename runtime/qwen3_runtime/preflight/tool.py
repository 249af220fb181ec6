"""Asks the driver's own program, npu-smi, which comes into the container from the node."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_runtime.preflight import machine, smi

if TYPE_CHECKING:
    from qwen3_runtime.preflight.found import Found
    from qwen3_runtime.preflight.places import Places

SECONDS = 30
"""For one call: it asks every device in turn, and hangs where the driver does."""
_A3 = "Ascend910"
_FOLDERS = ("usr/local/bin", "usr/local/sbin")
_LIBRARIES = ("lib64", "lib64/common", "lib64/driver")
"""Of the driver. Ascend's images set them in shells only."""


def with_chips(places: Places, found: Found) -> Found:
    """What npu-smi says beside what is known already."""
    tool = _tool(places)
    if tool is None:
        return replace(found, chips_unknown="there is no npu-smi")
    found = replace(found, tool_machine=machine.of_program(_head(tool)))
    printed, why = _ask(places, tool, "info")
    chips = smi.parse_info(printed)
    if printed and not chips:
        chips = smi.parse_mapping(_ask(places, tool, "info", "-m")[0])
    if chips and chips[0].name == _A3:
        ids = ("-i", str(chips[0].npu), "-c", str(chips[0].chip))
        chips = smi.with_board(chips, smi.parse_fields(_ask(places, tool, "info", "-t", "board", *ids)[0]))
    why = why or "npu-smi info lists none, or in a layout that is not known"
    driver = found.driver or smi.driver_version(printed)
    return replace(found, chips=chips, chips_unknown="" if chips else why, driver=driver)


def _tool(places: Places) -> Path | None:
    found = shutil.which("npu-smi", path=places.environment.get("PATH"))
    candidates = (Path(found) if found else None, *(places.root / name / "npu-smi" for name in _FOLDERS))
    return next((path for path in candidates if path is not None and path.is_file()), None)


def _ask(places: Places, tool: Path, *words: str) -> tuple[str, str]:
    """What it printed, and why that may be of no use; empty where it ended well."""
    libraries = (*(str(places.driver / folder) for folder in _LIBRARIES), places.environment.get("LD_LIBRARY_PATH", ""))
    environment = {**places.environment, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}
    try:
        answer = subprocess.run(  # noqa: S603 - the driver's own program
            [str(tool), *words],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return "", f"npu-smi gave no answer in {SECONDS} s"
    except OSError as error:
        return "", f"npu-smi cannot be run: {error.strerror}"
    if answer.returncode == 0:
        return answer.stdout, ""
    lines = [line.strip() for line in (answer.stderr + answer.stdout).splitlines() if line.strip()]
    return answer.stdout, f"npu-smi: {lines[-1] if lines else f'exit code {answer.returncode}'}"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(machine.ELF_HEADER)
    except OSError:
        return b""
