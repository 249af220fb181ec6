"""Every command of docs/tenants.md, in order, in one shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import make_namespace, remove_namespace
from tests.e2e.tenants import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tenants.md"
MODELS = "models"
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def weights(kube: Kube, platform: dict[str, str]) -> Iterator[None]:
    """The namespace with the claim that the page begins from; nothing of the page is left."""
    make_namespace(kube, MODELS, platform["modelFolder"])
    yield
    kube.run("delete", "q3t", "acme", "globex", "-n", SYSTEM, "--ignore-not-found")
    kube.run("delete", "secret", "acme", "acme-2", "globex", "-n", SYSTEM, "--ignore-not-found")
    kube.run("delete", "namespace", "acme", "--wait=false", "--ignore-not-found")
    remove_namespace(kube, MODELS)


@pytest.mark.usefixtures("weights")
def test_the_page_takes_a_team_to_two_tenants(kube: Kube, platform: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    tools = [Path(sys.executable).parent, kube.kubectl.parent, Path(platform["helm"]).parent]
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    script = "\n".join(["set -euo pipefail", "trap 'kill $(jobs -p)' EXIT", *_COMMANDS.findall(PAGE.read_text())])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path, env={**os.environ, "PATH": path, "KUBECONFIG": str(kube.kubeconfig)},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert _models_listed(done.stdout) == [{"chat"}, {"chat", "code"}]
    assert '"chat.completion"' in done.stdout
    table = re.search(r"^TENANT .*\n(acme +Serving .*)$", done.stdout, re.MULTILINE)
    assert table, done.stdout
    for key in tmp_path.glob("*.key"):
        assert key.read_text() not in done.stdout + done.stderr


def _models_listed(text: str) -> list[set[str]]:
    """The ids of each list of models in the output, where an answer may follow the other on the same line."""
    begins = [found.start() for found in re.finditer(r'\{"object": ?"list"', text)]
    lists = [json.JSONDecoder().raw_decode(text, begin)[0] for begin in begins]
    return [{model["id"] for model in found["data"]} for found in lists]
