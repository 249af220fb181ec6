"""Commands against an API server: what is read, what is written, and what is said when it cannot be reached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from qwen3_operator.api.status import Condition, DeploymentStatus
from qwen3_operator.catalog import load_catalog
from qwen3_operator.cli import hardware
from qwen3_operator.cli.fields import checked_spec
from qwen3_operator.cli.hardware_words import parsed
from qwen3_operator.cli.snapshot import NOBODY, OVERRIDES
from qwen3_operator.sizing import plan
from tests.unit.cli.api_server import GROUP, ApiServer, serving
from tests.unit.cli.samples import GOOD, run, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPLOYMENTS = f"{GROUP}/qwen3deployments"
QUOTAS = "/api/v1/resourcequotas"


@pytest.fixture
def server() -> ApiServer:
    """Two H100 nodes, a pod on one of them, and a deployment with a plan of two replicas, one of them bound."""
    catalog = load_catalog()
    found = hardware.snapshot(parsed("2x8 H100-SXM @2.50"), catalog)
    raw: dict[str, Any] = yaml.safe_load(GOOD)
    spec = checked_spec(raw["spec"] | {"replicas": 2})
    assert not isinstance(spec, list)
    made = plan(spec, found.inventory(catalog, NOBODY), catalog)
    outdated = Condition(
        type="PlanOutdated",
        status="True",
        observed_generation=1,
        last_transition_time="2026-11-24T20:00:00Z",
        reason="BetterPlan",
        message="1 x H20 would cost less",
    )
    capacity = {
        "pool": "h100-sxm",
        "source": "Calibrated",
        "kvCacheTokens": {"predicted": 1000, "found": 1010, "error": "-1.0%"},
    }
    status = DeploymentStatus.model_validate(
        {
            "plan": made,
            "conditions": [outdated],
            "capacity": [capacity],
            "url": "http://a.team/v1",
            "ready": "1/2",
            "readyReplicas": 1,
            "updatedReplicas": 1,
        }
    )
    raw["spec"]["replicas"] = 2
    raw["status"] = status.to_json()
    pods = [
        _pod("other", "x", {}, "5"),
        _pod("team", "a-1", {"serving.qwen3.io/deployment": "a", "serving.qwen3.io/placement": "h100-sxm"}, "1"),
    ]
    return ApiServer(
        {
            "/api/v1/nodes": list(found.nodes),
            "/api/v1/pods": pods,
            QUOTAS: [],
            f"{GROUP}/acceleratorpools": list(found.pools),
            DEPLOYMENTS: [raw],
            "/api/v1/configmaps": [],
        }
    )


def _pod(namespace: str, name: str, labels: dict[str, str], devices: str) -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": devices}}
    return {
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"nodeName": "h100-sxm-1", "containers": [{"name": "c", "resources": limits}]},
        "status": {"phase": "Running"},
    }


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> Iterator[str]:
    """Of the running server."""
    with serving(server, tmp_path) as path:
        yield path


def test_the_inventory_of_a_cluster(kubeconfig: str) -> None:
    lines = run("inventory", "--kubeconfig", kubeconfig).stdout.splitlines()
    assert lines[1].split()[:2] == ["h100-sxm", "H100-SXM"]
    assert lines[1].split()[4:7] == ["2", "16", "9"], "sixteen devices, six with pods, one promised"


def test_a_kept_inventory_plans_as_the_cluster_does(kubeconfig: str, tmp_path: Path) -> None:
    kept = run("inventory", "--kubeconfig", kubeconfig, "-o", "yaml").stdout
    assert "all-other-pods-of-h100-sxm-1" in kept
    file = written(tmp_path, "kept.yaml", kept)
    other = written(tmp_path, "cr.yaml", GOOD.replace("name: a,", "name: b,").replace("spec:", "spec:\n  replicas: 9"))
    live = run("plan", "-f", other, "--kubeconfig", kubeconfig, "-o", "json")
    assert live.exit_code == 0
    assert run("plan", "-f", other, "--inventory", file, "-o", "json").stdout == live.stdout
    more = written(tmp_path, "more.yaml", (tmp_path / "cr.yaml").read_text().replace("replicas: 9", "replicas: 10"))
    assert run("plan", "-f", more, "--inventory", file).exit_code == 3, "one device is promised to team/a"


def test_quotas_of_the_cluster_count_and_are_shown(kubeconfig: str, server: ApiServer, tmp_path: Path) -> None:
    hard = {"requests.nvidia.com/gpu": "4", "pods": "9"}
    quota = {
        "kind": "ResourceQuota",
        "metadata": {"namespace": "team", "name": "devices"},
        "spec": {"hard": hard},
        "status": {"hard": hard, "used": {"requests.nvidia.com/gpu": "1", "pods": "1"}},
    }
    server.collections[QUOTAS] = [quota]
    shown = run("inventory", "--kubeconfig", kubeconfig)
    assert shown.stdout.splitlines()[-2:] == [
        "NAMESPACE  QUOTA    RESOURCE        USED  HARD",
        "team       devices  nvidia.com/gpu     1     4",
    ]
    three = written(
        tmp_path, "three.yaml", GOOD.replace("name: a,", "name: b,").replace("spec:", "spec:\n  replicas: 3")
    )
    refused = run("plan", "-f", three, "--kubeconfig", kubeconfig)
    assert refused.exit_code == 3
    assert "ResourceQuota devices of namespace team leaves 2 of 4 nvidia.com/gpu; needs 3" in refused.stdout, (
        "one is taken and one is promised"
    )
    kept = written(tmp_path, "kept.yaml", run("inventory", "--kubeconfig", kubeconfig, "-o", "yaml").stdout)
    assert run("plan", "-f", three, "--inventory", kept).stdout == refused.stdout
    free = written(
        tmp_path, "free.yaml", (tmp_path / "three.yaml").read_text().replace("namespace: team", "namespace: b")
    )
    assert run("plan", "-f", free, "--kubeconfig", kubeconfig).exit_code == 0, "another namespace"
    server.forbidden.add(QUOTAS)
    blind = run("plan", "-f", three, "--kubeconfig", kubeconfig)
    assert blind.exit_code == 0
    assert "warning: ResourceQuotas may not be read" in blind.stderr


def test_a_deployment_plans_beside_itself(kubeconfig: str, tmp_path: Path) -> None:
    own = written(tmp_path, "cr.yaml", GOOD.replace("spec:", "spec:\n  replicas: 11"))
    assert run("plan", "-f", own, "--kubeconfig", kubeconfig).exit_code == 0, "its own pod and promise are free for it"
    bare = written(tmp_path, "bare.yaml", (tmp_path / "cr.yaml").read_text().replace(", namespace: team", ""))
    assert run("plan", "-f", bare, "--kubeconfig", kubeconfig).stdout.startswith("team/a: fits"), (
        "the context's namespace"
    )
    assert run("plan", "-f", bare, "-n", "other", "--kubeconfig", kubeconfig).exit_code == 3, "another deployment"


def test_a_cluster_without_the_platform(kubeconfig: str, server: ApiServer, tmp_path: Path) -> None:
    del server.collections[DEPLOYMENTS], server.collections[f"{GROUP}/acceleratorpools"]
    file = written(tmp_path, "cr.yaml", GOOD)
    node = server.collections["/api/v1/nodes"][0]
    node["metadata"]["labels"] |= {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    result = run("plan", "-f", file, "--kubeconfig", kubeconfig)
    assert result.exit_code == 0, result.stderr


def test_the_rows_of_an_administrator_count(kubeconfig: str, server: ApiServer, tmp_path: Path) -> None:
    rows = {"accelerators.yaml": "accelerators: [{name: H100-SXM, memoryMiB: 40000}, {name: H20, memoryMiB: much}]"}
    server.collections["/api/v1/configmaps"] = [{"kind": "ConfigMap", "metadata": {"name": OVERRIDES}, "data": rows}]
    live = run("inventory", "--kubeconfig", kubeconfig)
    assert "41.9 GB" in live.stdout
    assert "warning: catalog row refused: accelerators.yaml, row 2 (H20), field memoryMiB" in live.stderr
    file = written(tmp_path, "kept.yaml", run("inventory", "--kubeconfig", kubeconfig, "-o", "yaml").stdout)
    assert run("inventory", "--inventory", file).stdout == live.stdout
    catalog = written(tmp_path, "rows.yaml", yaml.safe_dump(server.collections["/api/v1/configmaps"][0]))
    assert "41.9 GB" in run("inventory", "--hardware", "1x8 H100-SXM", "--catalog", catalog).stdout
    server.collections["/api/v1/configmaps"] = []
    assert "85.5 GB" in run("inventory", "--kubeconfig", kubeconfig).stdout


def test_who_may_not_read_the_rows_is_told(kubeconfig: str, server: ApiServer) -> None:
    server.forbidden.add("/api/v1/configmaps")
    result = run("inventory", "--kubeconfig", kubeconfig)
    assert result.exit_code == 0
    assert f"warning: ConfigMap {OVERRIDES} may not be read" in result.stderr


def test_explain_says_why(kubeconfig: str) -> None:
    result = run("explain", "a", "--kubeconfig", kubeconfig)
    assert result.exit_code == 0
    for words in (
        "team/a: 1/2 ready, http://a.team/v1",
        "2 replicas of 1 x H100-SXM, pool h100-sxm",
        "A better plan exists: 1 x H20 would cost less (kubectl qwen3 replan takes it)",
        "Capacity in pool h100-sxm: Calibrated",
        "KV cache, tokens       1000   1010  -1.0%",
        "PlanOutdated  True    BetterPlan",
        "Not taken: ",
    ):
        assert words in result.stdout
    assert "The spec has changed" not in result.stdout
    status = json.loads(run("explain", "a", "-n", "team", "--kubeconfig", kubeconfig, "-o", "json").stdout)
    assert set(status) == {"plan", "capacity", "conditions"}


def test_explain_says_when_the_spec_is_ahead_of_the_plan(server: ApiServer, tmp_path: Path) -> None:
    raw = server.collections[DEPLOYMENTS][0]
    raw["spec"]["hardware"] = {"accelerators": ["H200"]}
    raw["status"]["updatedReplicas"] = 0
    waiting = run("explain", "-f", written(tmp_path, "a.yaml", yaml.safe_dump(raw))).stdout
    assert "team/a: 1/2 ready (0 up to date), http://a.team/v1" in waiting
    assert "The spec has changed and is not planned yet: this is the plan of the spec before" in waiting
    refused = {**raw["status"]["conditions"][0], "type": "Planned", "status": "False", "reason": "NoFit"}
    raw["status"]["conditions"].append(refused)
    failed = run("explain", "-f", written(tmp_path, "a.yaml", yaml.safe_dump(raw))).stdout
    assert "The spec has changed and has no plan (NoFit, below): this is the plan of the spec before" in failed


def test_explain_reads_an_object_from_a_file(server: ApiServer, tmp_path: Path, kubeconfig: str) -> None:
    file = written(tmp_path, "object.yaml", yaml.safe_dump(server.collections[DEPLOYMENTS][0]))
    assert run("explain", "-f", file).stdout == run("explain", "a", "--kubeconfig", kubeconfig).stdout


def test_explain_of_what_is_not_there(kubeconfig: str) -> None:
    for arguments, words in (
        (("b",), "Qwen3Deployment 'b' does not exist in namespace team: there are a"),
        (("a", "-n", "other"), "'a' does not exist in namespace other: there is none"),
        ((), "name one Qwen3Deployment, or give -f FILE"),
    ):
        result = run("explain", *arguments, "--kubeconfig", kubeconfig)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_replan_annotates_and_waits_for_the_operator(kubeconfig: str, server: ApiServer) -> None:
    result = run("replan", "a", "--kubeconfig", kubeconfig)
    assert result.exit_code == 0, result.stderr
    in_force, today, annotated, planned = result.stdout.splitlines()
    assert in_force.startswith("in force: Qwen3-8B BF16 on 1 x H100-SXM")
    assert today == "today: the same"
    (patch,) = server.patches
    wish = patch["metadata"]["annotations"]["serving.qwen3.io/replan"]
    assert annotated == f"annotated team/a with serving.qwen3.io/replan={wish}"
    assert planned.startswith("planned: Qwen3-8B")


def test_replan_tells_when_no_operator_answers(kubeconfig: str, server: ApiServer) -> None:
    server.obeys = False
    result = run("replan", "a", "--kubeconfig", kubeconfig, "--timeout", "1")
    assert result.exit_code == 2
    assert "the operator did not plan team/a within 1 s" in result.stderr
    assert run("replan", "a", "--kubeconfig", kubeconfig, "--no-wait").exit_code == 0


def test_replan_changes_nothing_where_nothing_fits_or_in_a_dry_run(kubeconfig: str, server: ApiServer) -> None:
    assert run("replan", "a", "--kubeconfig", kubeconfig, "--dry-run").exit_code == 0
    server.collections["/api/v1/nodes"] = []
    result = run("replan", "a", "--kubeconfig", kubeconfig)
    assert result.exit_code == 3
    assert "today: does not fit (NoNodes)" in result.stdout
    assert not server.patches


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ("gone", "not reached"),
        ("stranger", "Unauthorized"),
        ("none", "no cluster: "),
    ],
)
def test_a_cluster_that_does_not_answer(kubeconfig: str, tmp_path: Path, context: str, words: str) -> None:
    file = written(tmp_path, "cr.yaml", GOOD)
    for command in (("plan", "-f", file), ("inventory",), ("explain", "a"), ("replan", "a")):
        result = run(*command, "--kubeconfig", kubeconfig, "--context", context)
        assert result.exit_code == 2
        assert words in result.stderr
