"""The platform on the test cluster: images, the tiny model and the chart. Only what changed is made again."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from tests.kind import cluster, machine, oldengine, ownimages, prometheus, registry, tools
from tests.kind.steps import StepError, Steps
from tests.tiny_model import build as tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.kind.steps import Step

NAMESPACE, RELEASE = "qwen3-system", "qwen3"
CHART = "charts/qwen3-operator"
CPU_ENGINE = "sglang-cpu"


@dataclass(frozen=True)
class Made:
    """What tests and the demo need to know."""

    kubeconfig: str
    kubectl: str
    helm: str
    base_image: str
    operator_image: str
    runtime_image: str
    old_engine: str
    model_folder: str
    models_on_host: str

    def write(self, path: Path) -> None:
        """As JSON beside the kubeconfig."""
        path.write_text(json.dumps({to_camel(key): value for key, value in asdict(self).items()}, indent=2))


def make(steps: Steps, name: str) -> Made:
    """Cluster, images, model and chart; quick where all is there."""
    made = machine.up(name, steps)
    base = machine.base_image(steps)
    engine = ownimages.engine(steps, CPU_ENGINE, base)
    runtime = ownimages.runtime(steps, CPU_ENGINE, engine)
    operator = ownimages.operator(steps, base)
    gateway = ownimages.gateway(steps, base)
    with steps.step("tiny model") as step:
        folder = tiny_model.make(registry.reference(engine), cluster.models_folder(), step)
    metrics = prometheus.provide(steps)
    with steps.step("helm upgrade --install") as step:
        _install(made, step, {"image": operator, "runtimes.cpu.image": runtime, "gateway.image": gateway})
    with steps.step("helm upgrade --install of Prometheus") as step:
        prometheus.install(made, NAMESPACE, metrics, step)
    answer = Made(
        kubeconfig=str(made.kubeconfig),
        kubectl=str(tools.path("kubectl")),
        helm=str(tools.path("helm")),
        base_image=base,
        operator_image=registry.reference(operator),
        runtime_image=registry.reference(runtime),
        old_engine=str(oldengine.provide(steps)),
        model_folder=folder.name,
        models_on_host=str(cluster.models_folder()),
    )
    answer.write(made.folder / "platform.json")
    return answer


def _install(made: cluster.Cluster, step: Step, images: Mapping[str, str]) -> None:
    """The chart with images by the value that names each."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    step.run(made.kubectl("apply", "-f", "-"), stdin=json.dumps(namespace))
    values = {"imageRegistry": registry.HOST, "prometheus.url": prometheus.url(NAMESPACE)}
    for value, image in images.items():
        values[f"{value}.repository"], values[f"{value}.tag"] = image.split(":")
    flags = [word for key, value in values.items() for word in ("--set-string", f"{key}={value}")]
    flags += ["--set", "gateway.enabled=true"]
    where = ("--namespace", NAMESPACE, "--kubeconfig", made.kubeconfig, "--wait", "--timeout", "3m")
    step.run([tools.path("helm"), "upgrade", "--install", RELEASE, CHART, *where, *flags])


def main() -> int:
    """`make platform`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", default="q3")
    steps = Steps()
    try:
        make(steps, parser.parse_args().cluster)
        tools.provide_compiler(steps)
    except (StepError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{steps.table()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
