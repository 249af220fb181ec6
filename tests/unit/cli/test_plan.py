"""``plan``: output, exit codes, where the inventory comes from."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.unit.cli.samples import EXAMPLES, GOOD, ROOT, run, written

if TYPE_CHECKING:
    from pathlib import Path

GPU = str(EXAMPLES / "qwen3-32b-gpu.yaml")


def test_a_plan_reads_as_the_page_shows_it() -> None:
    """Layout and words; the numbers are the planner's and are tested there."""
    result = run("plan", "-f", GPU, "--hardware", "2x8 H100-SXM @2.50, 1x8 Ascend-910B3")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert lines[0] == "team-a/qwen3-32b: fits"
    assert lines[1] == "Qwen3-32B BF16, context 32768, 2 replicas, 10.00 per hour"
    assert lines[2] == "2 replicas of 2 x H100-SXM, pool h100-sxm, BF16, TP 2, 10.00 per hour"
    starts = [line.strip().split("  ")[0] for line in lines[3:8]]
    assert starts == ["memory per device", "weights", "KV cache", "engine reserve", "driver, processes"]
    assert "█" in lines[4]
    for words in ("with 16 requests in flight", "first token, 95 % of requests within", "Binding: ", "Not taken: "):
        assert words in result.stdout
    assert not [line for line in result.stdout.splitlines() if line != line.rstrip()]


def test_what_lies_on_the_host_is_shown() -> None:
    """A GPU that holds a part of the model is told from one that holds all of it."""
    split = GOOD.replace("Qwen3-8B", "Qwen3-32B, quantization: GGUF-Q4_K_M")
    arguments = ("plan", "-f", "-", "--hardware")
    (placement,) = json.loads(run(*arguments, "1x1 T4", "-o", "json", stdin=split).stdout)["plan"]["placements"]
    offload = placement["offload"]
    on_host = offload["layers"] - offload["deviceLayers"]
    assert on_host > 0
    line = next(line for line in run(*arguments, "1x1 T4", stdin=split).stdout.splitlines() if "on the host" in line)
    size = f"{offload['hostMemory'] / 1e9:.1f}"
    assert line.split() == ["on", "the", "host", size, "GB", str(on_host), "of", str(offload["layers"]), "layers"]
    assert "on the host" not in run(*arguments, "1x1 H100-SXM", stdin=split).stdout


@pytest.mark.parametrize(
    ("hardware", "why"),
    [
        ("1x64Gi CPU", "speed: unknown for CPU: nothing was measured there"),
        ("1x8 Ascend-910B3", "speed: unknown for Ascend-910B3: nothing was measured there"),
        ("1x8 H200-NVL", "speed: unknown for H200-NVL: its row in the catalog needs memoryBandwidthGBps and tflops"),
    ],
)
def test_why_a_speed_is_unknown(hardware: str, why: str) -> None:
    lines = run("plan", "-f", "-", "--hardware", hardware, stdin=GOOD.replace("Qwen3-8B", "Qwen3-0.6B")).stdout
    assert why in [line.strip() for line in lines.splitlines()]


def test_columns_of_the_inventory_mean_one_thing_each() -> None:
    shown = run("inventory", "--hardware", "2x24Gi CPU, 2x4 T4")
    cpu, gpu = (line.split() for line in shown.stdout.splitlines()[1:])
    assert cpu[4:] == ["2", "-", "-", "-", "25.8", "GB", "-"]
    assert gpu[4:] == ["2", "8", "8", "16.1", "GB", "ample", "-"]


def test_the_cost_of_tokens_follows_from_price_and_speed() -> None:
    arguments = ("plan", "-f", GPU, "--hardware", "2x8 H100-SXM @2.50")
    (placement,) = json.loads(run(*arguments, "-o", "json").stdout)["plan"]["placements"]
    cost = 10.0 / (2 * placement["predicted"]["tokensPerSecond"] * 3600) * 1e6
    shown = next(line for line in run(*arguments).stdout.splitlines() if "million generated tokens" in line)
    assert float(shown.split()[6]) == pytest.approx(cost, abs=0.01)
    assert "million" not in run("plan", "-f", GPU, "--hardware", "2x8 H100-SXM").stdout


def test_json_is_the_status_and_yaml_says_the_same() -> None:
    arguments = ("plan", "-f", GPU, "--hardware", "2x8 H100-SXM")
    answer = json.loads(run(*arguments, "-o", "json").stdout)
    assert (answer["namespace"], answer["name"], answer["fits"]) == ("team-a", "qwen3-32b", True)
    assert answer["plan"]["placements"][0]["accelerator"] == "H100-SXM"
    assert yaml.safe_load(run(*arguments, "-o", "yaml").stdout) == answer


@pytest.mark.parametrize("more", [(), ("--all",)])
def test_a_failure_is_the_same_in_json_and_yaml(more: tuple[str, ...]) -> None:
    arguments = ("plan", "-f", "-", "--hardware", "1x1 T4", *more, "-o")
    large = GOOD.replace("Qwen3-8B", "Qwen3-32B")
    in_json, in_yaml = run(*arguments, "json", stdin=large), run(*arguments, "yaml", stdin=large)
    assert (in_json.exit_code, in_yaml.exit_code) == (3, 3)
    answer = yaml.safe_load(in_yaml.stdout)
    assert answer == json.loads(in_json.stdout)
    assert answer["failure"]["rejectedCounts"]["OutOfMemory"] > 0


def test_all_lists_every_candidate() -> None:
    arguments = ("plan", "-f", GPU, "--hardware", "2x8 H100-SXM, 1x8 L40S, 1x8 H20, 1x16 Ascend-910C", "-o", "json")
    some, every = (json.loads(run(*arguments, *more).stdout)["plan"] for more in ((), ("--all",)))
    assert len(every["rejected"]) == sum(every["rejectedCounts"].values()) >= len(some["rejected"])


def test_brackets_in_messages_are_no_markup() -> None:
    """rich would take [red] for a colour and :x: for a picture."""
    text = GOOD.replace("Qwen3-8B", '"[red]Qwen3:x:"')
    result = run("plan", "-f", "-", "--hardware", "1x8 H20", stdin=text)
    assert "spec.model.name '[red]Qwen3:x:' is not known" in result.stdout


def test_nothing_fits_is_exit_code_3_with_the_way_out() -> None:
    result = run("plan", "-f", GPU, "--hardware", "1x8 T4")
    assert result.exit_code == 3
    assert "team-a/qwen3-32b: does not fit (NoFit)" in result.stdout
    failure = json.loads(run("plan", "-f", GPU, "--hardware", "1x8 T4", "-o", "json").stdout)
    assert not failure["fits"]
    assert failure["failure"]["reason"] == "NoFit"


@pytest.mark.parametrize(
    ("old", "new", "reason", "words"),
    [
        ("Qwen3-8B", "Qwen3-9B", "UnknownModel", "spec.model.name 'Qwen3-9B' is not known: did you mean Qwen3-"),
        ("Qwen3-8B", "Qwen3-8B, quantization: NVFP4", "UnsupportedQuantization", "does not exist for Qwen3-8B"),
        ("8192", "1000000", "ContextTooLong", "spec.model.contextLength 1000000 is too long"),
        ("spec:", "spec:\n  hardware: {pools: [h200]}", "UnknownPool", "spec.hardware.pools 'h200' does not exist"),
    ],
)
def test_a_spec_that_no_hardware_could_satisfy_is_bad_input(old: str, new: str, reason: str, words: str) -> None:
    result = run("plan", "-f", "-", "--hardware", "1x8 H100-SXM", stdin=GOOD.replace(old, new))
    assert result.exit_code == 2
    assert result.stdout.startswith(f"team/a: is wrong ({reason})")
    assert words in " ".join(result.stdout.split())


def test_what_one_document_takes_is_gone_for_the_next(tmp_path: Path) -> None:
    both = GOOD + "---" + GOOD.replace("name: a,", "name: b,")
    file = written(tmp_path, "two.yaml", both)
    result = run("plan", "-f", file, "--hardware", "1x1 H100-SXM", "-o", "json")
    assert result.exit_code == 3
    assert [item["fits"] for item in json.loads(result.stdout)["items"]] == [True, False]
    assert run("plan", "-f", file, "--hardware", "1x2 H100-SXM").exit_code == 0


def test_standard_input() -> None:
    result = run("plan", "-f", "-", "--hardware", "1x1 H100-SXM", stdin=GOOD)
    assert result.stdout.startswith("team/a: fits\n")


def test_an_inventory_file_gives_the_plan_of_the_hardware_it_was_made_of(tmp_path: Path) -> None:
    words = "2x8 H100-SXM @2.50, 1x8 Ascend-910B3, 1x64Gi CPU"
    kept = written(tmp_path, "inventory.yaml", run("inventory", "--hardware", words, "-o", "yaml").stdout)
    plans = [
        run("plan", "-f", GPU, *source, "-o", "json").stdout
        for source in (("--hardware", words), ("--inventory", kept))
    ]
    assert plans[0] == plans[1]
    assert run("inventory", "--inventory", kept).stdout == run("inventory", "--hardware", words).stdout


def test_a_list_of_hardware_by_hand(tmp_path: Path) -> None:
    text = (
        '- {accelerator: H100-SXM, nodes: 2, devices: 8, price: "2.5"}\n- {accelerator: CPU, memory: 64Gi, cpu: 16}\n'
    )
    result = run("plan", "-f", GPU, "--inventory", written(tmp_path, "hardware.yaml", text))
    assert "10.00 per hour" in result.stdout


def test_nodes_as_kubectl_prints_them(tmp_path: Path) -> None:
    node = {
        "kind": "Node",
        "metadata": {"name": "n1", "labels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": {"cpu": "64", "memory": "512Gi", "nvidia.com/gpu": "8"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [node]})
    result = run("plan", "-f", GPU, "--inventory", written(tmp_path, "nodes.json", text), "-o", "json")
    assert json.loads(result.stdout)["plan"]["placements"][0]["pool"] == "h100-80gb-hbm3"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--hardware", "1x8 H1000"), "accelerator 'H1000' is not known: did you mean H100-"),
        (("--hardware", "8xx H100-SXM"), "hardware '8xx H100-SXM' is not 'NODESxDEVICES ACCELERATOR [@PRICE]'"),
        (("--hardware", "RTX-4090"), "does not say how many devices a node has: 1x8 RTX-4090 is one node"),
        (
            ("--hardware", "8\N{MULTIPLICATION SIGN}H20 @1"),
            "1x8 H20 is one node with 8 of them, 8x8 H20 are 8 nodes with 8 each",
        ),
        (("--hardware", "2 x 4090"), "1x2 4090 is one node with 2 of them, 2x8 4090 are 2 nodes with 8 each"),
        (("--hardware", "1x2 5080"), "accelerator '5080' is not known: did you mean"),
        (("--hardware", "1x2 A100"), "accelerator 'A100' is not known: did you mean A100-"),
        (("--hardware", "CPU"), "CPU nodes need their memory"),
        (("--hardware", "0x8 H100-SXM"), "nodes: Input should be greater than or equal to 1"),
        (("--hardware", "1x8 H20", "--inventory", "x"), "exclude each other"),
        (("--inventory", "missing.yaml"), "missing.yaml cannot be read: No such file"),
        ((), "say what to plan on: --hardware"),
        ((), "no cluster: there is no kubeconfig at /nonexistent/kubeconfig"),
        (("--context", "prod"), "there is no kubeconfig"),
        (("--hardware", "1x8 H20", "--plot", "plan.gif"), "must end in .pdf, .png, .svg"),
        (("--hardware", "1x8 H20", "--plot", "/nonexistent/plan.png"), "cannot be written: No such file"),
        (("--hardware", "1x8 H20", "-o", "xml"), "xml"),
    ],
)
def test_bad_input_is_exit_code_2(arguments: tuple[str, ...], words: str) -> None:
    result = run("plan", "-f", GPU, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not result.stdout


@pytest.mark.parametrize(
    ("words", "name", "noted"),
    [
        (
            "1x2 4090",
            "RTX-4090",
            "note: 4090 is taken to be RTX-4090; spec.hardware.accelerators takes that name only\n",
        ),
        ("1\N{MULTIPLICATION SIGN}2 RTX 4090", "RTX-4090", ""),
        ("1 x 2 rtx-4090 @$2.50", "RTX-4090", ""),
        (
            "1x2 H100 @ €2",
            "H100-SXM",
            "note: H100 is taken to be H100-SXM; spec.hardware.accelerators takes that name ",
        ),
        ("1x2 NVIDIA-H100-80GB-HBM3", "H100-SXM", ""),
        ("1x2 910b3", "Ascend-910B3", ""),
    ],
)
def test_hardware_as_people_spell_it(words: str, name: str, noted: str) -> None:
    result = run("inventory", "--hardware", words)
    assert (result.exit_code, name in result.stdout) == (0, True), result.stderr
    assert result.stderr.startswith(noted) if noted else not result.stderr
    assert ("2.50" in result.stdout) is ("2.50" in words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("kind: Pod\n", "holds no nodes"),
        ("- {accelerator: H100-SXM, devises: 8}\n", "entry 1: devises: Extra inputs are not permitted (it takes accel"),
        ("- {accelerator: H100-SXM, price: -1}\n", "entry 1: price"),
        ("- {accelerator: CPU, memory: lots}\n", "not a Kubernetes quantity: 'lots'"),
        ("- {accelerator: H20, pool: a}\n- {accelerator: L4, pool: a}\n", "pool a occurs twice"),
        ("kind: Node\nmetadata: {name: n}\n", "is not as Kubernetes lists it"),
        ("kind: Node\nspec: {}\n", "is not as Kubernetes lists it"),
    ],
)
def test_a_bad_inventory_file(tmp_path: Path, text: str, words: str) -> None:
    result = run("plan", "-f", GPU, "--inventory", written(tmp_path, "inventory.yaml", text))
    assert result.exit_code == 2
    assert words in result.stderr


def test_wrong_documents_are_exit_code_2(tmp_path: Path) -> None:
    file = written(tmp_path, "cr.yaml", GOOD.replace("Qwen3-8B", "Qwen3-8B, quantisation: FP8"))
    result = run("plan", "-f", file, "--hardware", "1x8 H20")
    assert result.exit_code == 2
    assert "did you mean quantization?" in result.stderr


@pytest.mark.parametrize("hardware", ["2x8 H100-SXM @2.5, 1x8 L40S @0.9", "1x8 T4", "1x8 Ascend-910B3", "1x64Gi CPU"])
def test_the_plot_is_a_picture_of_sensible_size(tmp_path: Path, hardware: str) -> None:
    path = tmp_path / "plan.png"
    run("plan", "-f", GPU, "--hardware", hardware, "--plot", str(path))
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG")
    assert 1000 < width < 3000
    assert 200 < height < 3000
    assert 10_000 < len(data) < 500_000


def test_the_picture_is_narrow_where_no_speed_is_known(tmp_path: Path) -> None:
    widths = []
    for hardware in ("1x8 H100-SXM", "1x8 Ascend-910B3"):
        path = tmp_path / "plan.png"
        plain = GOOD + "---" + GOOD.replace("name: a,", "name: b,")
        run("plan", "-f", "-", "--hardware", hardware, "--plot", str(path), stdin=plain)
        widths.append(struct.unpack(">I", path.read_bytes()[16:20])[0])
    assert widths[1] < widths[0]


_OFFLINE = """
import socket, sys
def refused(*arguments, **options): raise OSError("a socket was opened")
socket.socket.connect = refused
from qwen3_operator.cli.main import app
try:
    app(["plan", "-f", sys.argv[1], "--hardware", "2x8 H100-SXM"])
finally:
    loaded = [name for name in ("kubernetes", "kopf", "aiohttp", "matplotlib") if name in sys.modules]
    sys.stderr.write(f"loaded: {loaded}")
"""


def test_a_plan_needs_no_cluster_no_network_and_no_client_of_either() -> None:
    path = f"{ROOT / 'operator'}:{ROOT / 'runtime'}"
    result = subprocess.run(
        [sys.executable, "-c", _OFFLINE, GPU], env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "team-a/qwen3-32b: fits" in result.stdout
    assert result.stderr == "loaded: []"


def test_targets_that_cannot_be_judged_are_told() -> None:
    text = GOOD + "  slo: {timeToFirstToken: 1s}\n"
    given = ("plan", "-f", "-", "--hardware", "1x8 Ascend-910B3")
    assert "spec.slo is not judged: no speed is known for Ascend-910B3" in run(*given, stdin=text).stdout
    assert "judged" not in run(*given, stdin=GOOD).stdout


def test_a_model_that_embeds_has_no_time_per_token() -> None:
    text = GOOD.replace("Qwen3-8B", "Qwen3-Embedding-8B") + "  workload: {inputTokens: {p95: 1000}}\n"
    shown = run("plan", "-f", "-", "--hardware", "1x8 L40S", stdin=text).stdout
    assert "input tokens per second, replica" in shown
    assert "output token" not in shown


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        (
            "",
            "spec.workload says no lengths: memory is for requests of all 8192 tokens of the context, times for 1024",
        ),
        (
            "  workload: {inputTokens: {p95: 1000}}\n",
            "spec.workload says no outputTokens: memory is for requests of all",
        ),
        ("  workload: {inputTokens: {p95: 1000}, outputTokens: {p95: 500}}\n", ""),
    ],
)
def test_lengths_that_nobody_said_are_told(workload: str, words: str) -> None:
    text = run("plan", "-f", "-", "--hardware", "1x8 H100-SXM", stdin=GOOD + workload).stdout
    assert ("Assumed: " in text) is bool(words)
    assert words in " ".join(text.split())
