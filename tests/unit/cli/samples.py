"""Files and a runner for the commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from qwen3_operator.cli.main import app

if TYPE_CHECKING:
    from typer.testing import Result

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"

GOOD = """
apiVersion: serving.qwen3.io/v1alpha1
kind: Qwen3Deployment
metadata: {name: a, namespace: team}
spec:
  model: {name: Qwen3-8B, contextLength: 8192, source: {persistentVolumeClaim: {claimName: weights}}}
"""


def run(*arguments: str, stdin: str | None = None) -> Result:
    """Run ``kubectl qwen3`` in this process."""
    return CliRunner().invoke(app, list(arguments), input=stdin, env={"KUBECONFIG": "/nonexistent/kubeconfig"})


def written(folder: Path, name: str, text: str) -> str:
    """Path of a new file with that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)
