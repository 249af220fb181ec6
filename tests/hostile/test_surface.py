"""schemathesis on every path and method of docs/openapi.yaml, with data that fits it and data that does not.

What an engine says to a wrong field is the engine's affair. Asked for are answers in the documented shape, no 5xx of
ours, none without a key, and for a wrong method the right one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.gateway.processes import MODEL, key_of
from tests.hostile.conftest import EMBEDDER, RERANKER

if TYPE_CHECKING:
    from tests.hostile.conftest import Ports

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
pytestmark = pytest.mark.timeout(900)  # seconds; a quarter of a minute on an idle machine
EXAMPLES = 3
"""Random ones of each operation, beside those that cover its schema one limit after another."""
ENGINES_AFFAIR = "negative_data_rejection,positive_data_acceptance"
POD_PATHS = {
    "generates": ("/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/models/{model}", "/v1/tokenize"),
    "embeds": ("/v1/embeddings",),
    "reranks": ("/v1/rerank",),
}


def judge(url: str, document: dict[str, Any], folder: Path, *options: str) -> None:
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "run", path, "--url", url, "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES)),
            *("--warnings", "off", "--no-shrink", "--continue-on-failure", "--no-color", *options),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def document_of(tag: str, models: dict[str, str]) -> dict[str, Any]:
    """The operations with a tag, for models that are there."""
    document: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    for name, model in models.items():
        document["components"]["schemas"][name]["enum"] = [model]
    paths = document["paths"].items()
    document["paths"] = {path: one for path, one in paths if any(tag in entry["tags"] for entry in one.values())}
    return document


def test_the_gateway(ports: Ports, tmp_path: Path) -> None:
    document = document_of("gateway", {"Model": MODEL, "Embedder": EMBEDDER, "Reranker": RERANKER})
    key = f"Authorization: Bearer {key_of('a')}"
    judge(ports.gateway.url, document, tmp_path, "--header", key, "--exclude-checks", ENGINES_AFFAIR)


@pytest.mark.parametrize("task", POD_PATHS)
def test_a_pod(ports: Ports, tmp_path: Path, task: str) -> None:
    document = document_of("pod", {"Model": MODEL, "Embedder": MODEL, "Reranker": MODEL})
    document["paths"] = {path: document["paths"][path] for path in POD_PATHS[task]}
    judge(getattr(ports.pod, task), document, tmp_path, "--exclude-checks", f"{ENGINES_AFFAIR},ignored_auth")
