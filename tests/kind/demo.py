"""`make demo`: from nothing to two answers of a real engine, with the plan in words and numbers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from qwen3_operator.api.base import REPLAN_ANNOTATION
from tests.kind import platform
from tests.kind.newest import readiness, serves_newest, wait_operator
from tests.kind.steps import StepError, Steps
from tests.kube import Kube
from tests.objects import namespace_object, weights_claim, weights_volume

if TYPE_CHECKING:
    from tests.kind.steps import Step

MANIFEST = Path("docs/examples/qwen3-tiny.yaml")
NAMESPACE, NAME, MODEL = "demo", "tiny", "Qwen3-Tiny"
READY_SECONDS = 300
QUESTION = "Hello"


def main() -> int:
    """Run the demo; 0 when both answers came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", default="q3")
    cluster = parser.parse_args().cluster
    steps, console = Steps(), Console()
    try:
        made = platform.make(steps, cluster)
        kube = Kube(Path(made.kubeconfig), Path(made.kubectl))
        with steps.step("namespace and weights volume"):
            kube.apply(namespace_object(NAMESPACE))
            kube.apply(weights_volume(NAMESPACE, made.model_folder), weights_claim(NAMESPACE))
        with steps.step("the operator of this checkout leads"):
            wait_operator(kube)
        with steps.step(f"kubectl apply -f {MANIFEST}, wait for Ready") as step:
            kube.run("apply", "-f", str(MANIFEST))
            # A newer operator changes pods without a new generation of the object: its answer to a wish is the sign.
            wish = datetime.now(UTC).isoformat()
            kube.run("annotate", "q3d", NAME, "-n", NAMESPACE, "--overwrite", f"{REPLAN_ANNOTATION}={wish}")
            status = _wait_ready(kube, wish, step)
        with steps.step("two chats"):
            answers = _chat(kube)
    except (StepError, AssertionError) as error:  # the second: what kubectl says, or what was waited for
        console.print(f"[red]demo failed:[/red] {error}", highlight=False, soft_wrap=True)
        return 1
    _show(console, kube, status, answers)
    console.print(f"\n[bold]Steps[/bold]\n{steps.table()}", highlight=False, soft_wrap=True)
    return 0


def _wait_ready(kube: Kube, wish: str, step: Step) -> dict[str, Any]:
    """Status once the newest pods serve alone; prints each new reason on the way."""
    deadline, last = time.monotonic() + READY_SECONDS, ""
    while time.monotonic() < deadline:
        found = kube.get("q3d", NAME, NAMESPACE)
        status: dict[str, Any] = found.get("status", {})
        if serves_newest(found, wish):
            step.note = f"{len(status['startup'])} phases"
            return status
        ready = readiness(status)
        if ready and ready["status"] != "True" and ready["reason"] != last:
            last = ready["reason"]
            print(f"  {last}: {ready['message']}", flush=True)
        time.sleep(0.5)
    raise StepError(f"not Ready within {READY_SECONDS} s\n{kube.run('describe', 'q3d', NAME, '-n', NAMESPACE)}")


def _chat(kube: Kube) -> list[tuple[str, str, str]]:
    """(title, thoughts, answer) with thinking and without."""
    answers = []
    with (
        kube.forward(f"service/{NAME}", NAMESPACE, 80) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=2) as client,
    ):
        for title, thinking in (("with thinking", True), ("without thinking", False)):
            answer = client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": QUESTION}],
                temperature=0,
                extra_body={"chat_template_kwargs": {"enable_thinking": thinking}},
            )
            message = answer.choices[0].message
            thoughts = getattr(message, "reasoning_content", None) or ""
            answers.append((title, thoughts.strip(), (message.content or "").strip()))
    return answers


def _show(console: Console, kube: Kube, status: dict[str, Any], answers: list[tuple[str, str, str]]) -> None:
    console.print()
    for title, thoughts, answer in answers:
        body = f"[dim]{thoughts}[/dim]\n\n{answer}" if thoughts else answer
        console.print(Panel(body, title=f"“{QUESTION}” {title}", title_align="left"))
    console.print(f"[bold]Plan[/bold]  {status['plan']['summary']}", highlight=False, soft_wrap=True)
    console.print(_memory_table(status["plan"]["placements"][0]))
    console.print(f"[bold]URL in the cluster[/bold]  {status['url']}", highlight=False, soft_wrap=True)
    console.print(kube.run("get", "q3d", "-n", NAMESPACE), highlight=False, markup=False, soft_wrap=True)
    console.print("[bold]What to try next[/bold]")
    for line in next_lines(kube):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


def next_lines(kube: Kube) -> tuple[str, ...]:
    """Commands for a shell in the checkout; each works a second time."""
    question = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]})
    return (
        f"export KUBECONFIG={kube.kubeconfig}",
        f"export PATH={Path(sys.executable).parent}:{kube.kubectl.parent}:$PATH   # kubectl, kubectl-qwen3",
        f"kubectl describe q3d {NAME} -n {NAMESPACE}          # why it is as it is",
        f"kubectl qwen3 explain {NAME} -n {NAMESPACE}         # predicted, found and the error; what was not taken",
        'kubectl qwen3 plan -f docs/examples/qwen3-32b-slo.yaml --hardware "2x8 H100-SXM @2.50"   # without the GPUs',
        f"kubectl scale q3d {NAME} -n {NAMESPACE} --replicas=2",
        f"kubectl port-forward -n {NAMESPACE} service/{NAME} 8080:80 >/dev/null & sleep 3   # then any OpenAI client",
        f"curl -s localhost:8080/v1/chat/completions -H 'Content-Type: application/json' -d '{question}'",
        "kill %%                                       # ends the port-forward",
        "kubectl create namespace team-a --dry-run=client -o yaml | kubectl apply -f -",
        "kubectl apply -f docs/examples/qwen3-32b-gpu.yaml",
        "kubectl describe q3d qwen3-32b -n team-a      # there is no GPU here: Planned=False says what is missing",
        "make test                                     # everything that CI runs",
        "make clean                                    # remove what the demo made",
    )


def _memory_table(placement: dict[str, Any]) -> Table:
    """Bytes of one device by what they are for."""
    table = Table("memory per device", "GB", title_justify="left")
    for key, value in (found for found in placement["memory"].items() if found[1]):
        table.add_row(key, f"{value / 1e9:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
