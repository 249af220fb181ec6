"""``transformers serve`` for one model under its served name.

The command knows a model by its path and names it so in answers, and its list of models is that of the download cache.
So the model is linked under its served name in a folder of its own, and the list holds that name. Run by the engine's
interpreter, beside which nothing of the runtime is installed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    """Options are those of ``transformers serve``, after the two of this program."""
    parser = argparse.ArgumentParser(prog="transformers_server", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--served-model-name", required=True)
    options, rest = parser.parse_known_args()
    home = tempfile.mkdtemp(prefix="transformers-")
    link = Path(home, options.served_model_name)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(options.model)
    os.chdir(home)
    _list_only(options.served_model_name)
    from transformers.cli.transformers import main as transformers  # type: ignore[import-not-found]  # noqa: PLC0415

    sys.argv = ["transformers", "serve", options.served_model_name, *rest]
    transformers()


def _list_only(name: str) -> None:
    from transformers.cli.serving.model_manager import (  # type: ignore[import-not-found]  # noqa: PLC0415
        ModelManager,
    )

    def models(cache_dir: str | None = None) -> list[dict[str, Any]]:
        del cache_dir
        return [{"id": name, "object": "model", "created": 0, "owned_by": "transformers"}]

    ModelManager.get_gen_models = staticmethod(models)


if __name__ == "__main__":
    main()
