"""`make demo`: from nothing to two answers of a real engine, with the plan in words and numbers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
from rich.console import Console
from rich.panel import Panel

from qwen3_operator.api.base import REPLAN_ANNOTATION
from qwen3_operator.api.deployment import Qwen3Deployment
from qwen3_operator.cli.output import show
from qwen3_operator.cli.plan_view import plan_parts
from tests.kind import platform
from tests.kind.newest import readiness, serves_newest, wait_operator
from tests.kind.steps import StepError, Steps
from tests.kube import Kube
from tests.objects import namespace_object, weights_claim, weights_volume

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
        with steps.step(f"kubectl apply -f {MANIFEST}, wait for Ready"):
            kube.run("apply", "-f", str(MANIFEST))
            # A newer operator changes pods without a new generation of the object: its answer to a wish is the sign.
            wish = datetime.now(UTC).isoformat()
            kube.run("annotate", "q3d", NAME, "-n", NAMESPACE, "--overwrite", f"{REPLAN_ANNOTATION}={wish}")
            found = _wait_ready(kube, wish)
        with steps.step("two chats"):
            answers = _chat(kube)
    except (StepError, AssertionError) as error:  # the second: what kubectl says, or what was waited for
        console.print(f"[red]demo failed:[/red] {error}", highlight=False, soft_wrap=True)
        return 1
    _show(console, kube, found, answers)
    console.print("[bold]What to try next[/bold]")
    for line in next_lines(kube, Path(made.helm)):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"\n[bold]Steps[/bold]\n{steps.table()}", highlight=False, soft_wrap=True)
    return 0


def _wait_ready(kube: Kube, wish: str) -> dict[str, Any]:
    """The object once the newest pods serve alone; prints each new reason on the way."""
    deadline, last = time.monotonic() + READY_SECONDS, ""
    while time.monotonic() < deadline:
        found = kube.get("q3d", NAME, NAMESPACE)
        status: dict[str, Any] = found.get("status", {})
        if serves_newest(found, wish):
            return found
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


def _show(console: Console, kube: Kube, found: dict[str, Any], answers: list[tuple[str, str, str]]) -> None:
    deployment = Qwen3Deployment.model_validate(found)
    plan = deployment.status.plan
    assert plan is not None, "a deployment that serves has a plan"
    console.print()
    for title, thoughts, answer in answers:
        body = f"[dim]{thoughts}[/dim]\n\n{answer}" if thoughts else answer
        console.print(Panel(body, title=f"“{QUESTION}” {title}", title_align="left"))
    console.print(f"[bold]Plan[/bold]  {plan.summary}\n", highlight=False, soft_wrap=True)
    show(*plan_parts(plan, deployment.spec))
    console.print(f"\n[bold]URL in the cluster[/bold]  {deployment.status.url}", highlight=False, soft_wrap=True)
    console.print(kube.run("get", "q3d", "-n", NAMESPACE), highlight=False, markup=False, soft_wrap=True)


def next_lines(kube: Kube, helm: Path) -> tuple[str, ...]:
    """Commands for a shell in the checkout; each works a second time."""
    folders = ":".join(str(program.parent) for program in (Path(sys.executable), kube.kubectl, helm))
    question = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]})
    return (
        f"export KUBECONFIG={kube.kubeconfig}",
        f"export PATH={folders}:$PATH   # kubectl-qwen3, kubectl, helm",
        f"kubectl describe q3d {NAME} -n {NAMESPACE}          # why it is as it is",
        f"kubectl qwen3 explain {NAME} -n {NAMESPACE}         # predicted, found and the error",
        f"kubectl qwen3 top -n {NAMESPACE} --prometheus qwen3-system/qwen3-prometheus:9090   # the fleet as it runs",
        'kubectl qwen3 plan -f docs/examples/qwen3-32b-slo.yaml --hardware "2x8 H100-SXM @2.50"   # without the GPUs',
        f"kubectl scale q3d {NAME} -n {NAMESPACE} --replicas=2",
        f"kubectl port-forward -n {NAMESPACE} service/{NAME} 8080:80 >/dev/null & sleep 3   # then any OpenAI client",
        f"curl -s localhost:8080/v1/chat/completions -H 'Content-Type: application/json' -d '{question}'",
        "kill %%                                       # ends the port-forward",
        "kubectl create namespace team-a --dry-run=client -o yaml | kubectl apply -f -",
        "kubectl apply -f docs/examples/qwen3-32b-gpu.yaml",
        "kubectl wait q3d/qwen3-32b -n team-a --for=condition=Planned=False --timeout=30s",
        "kubectl describe q3d qwen3-32b -n team-a      # there is no GPU here: Planned=False says what is missing",
        "make test                                     # everything that CI runs",
        "make clean                                    # remove the cluster; what was built is kept for the next time",
    )


if __name__ == "__main__":
    sys.exit(main())
