"""Write Qwen3-Tiny's files, all or nothing."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from safetensors.torch import save_file  # type: ignore[import-not-found]

from tests.tiny_model.shape import CONFIG, GENERATION_CONFIG, NAME, STAMP_FILE, VERSION, parameter_count


def write(directory: Path, tokenizer_directory: Path, weights: dict[str, Any]) -> None:
    """Write the model folder beside `directory` and rename it into place when it is complete, readable by anybody."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Not named by process number: two containers may both be number 1.
    work = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer_directory / name, work / name)
    save_file(weights, work / "model.safetensors", metadata={"format": "pt"})
    write_json(work / "config.json", CONFIG)
    write_json(work / "generation_config.json", GENERATION_CONFIG)
    write_json(work / STAMP_FILE, {"name": NAME, "version": VERSION, "parameters": parameter_count()})
    work.chmod(0o755)
    for path in work.iterdir():
        path.chmod(0o644)
    shutil.rmtree(directory, ignore_errors=True)
    work.rename(directory)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write `value` as people write config.json: indented, one line at the end."""
    path.write_text(json.dumps(value, indent=2) + "\n")
