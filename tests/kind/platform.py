"""The platform on the test cluster: images, the tiny model and the chart. Only what changed is made again."""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from tests.kind import cluster, docker, machine, oldengine, prometheus, registry, tools
from tests.kind.steps import StepError, Steps, output
from tests.tiny_model import build as tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.kind.steps import Step

NAMESPACE, RELEASE = "qwen3-system", "qwen3"
CHART = "charts/qwen3-operator"
IMAGES = Path("runtime/images/sglang-cpu")
GATEWAY_IMAGE = Path("runtime/images/gateway/Dockerfile")


@dataclass(frozen=True)
class Made:
    """What tests and the demo need to know."""

    kubeconfig: str
    kubectl: str
    helm: str
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
    engine = _tagged("qwen3-engine-sglang-cpu", [IMAGES / "Dockerfile", *_others(IMAGES)], base)
    runtime = _tagged("qwen3-runtime-sglang-cpu", [*_sources("runtime"), Path("requirements/runtime.txt")], engine)
    operator = _tagged(
        "qwen3-operator",
        [*_sources("operator"), *_sources("runtime/qwen3_runtime"), Path("requirements/operator.txt")],
        base,
    )
    gateway = _tagged(
        "qwen3-gateway",
        [GATEWAY_IMAGE, *_sources("runtime/qwen3_runtime"), Path("requirements/gateway.txt")],
        base,
    )
    _provide(steps, engine, IMAGES / "Dockerfile", IMAGES, {"BASE_IMAGE": base})
    _provide(steps, runtime, IMAGES / "runtime.Dockerfile", Path(), {"ENGINE_IMAGE": engine})
    _provide(steps, operator, Path("operator/Dockerfile"), Path(), {"BASE_IMAGE": base})
    _provide(steps, gateway, GATEWAY_IMAGE, Path(), {"BASE_IMAGE": base})
    with steps.step("tiny model") as step:
        folder = tiny_model.make(registry.reference(engine), cluster.models_folder(), step)
    tools.provide_compiler(steps)
    metrics = prometheus.provide(steps)
    with steps.step("helm upgrade --install") as step:
        _install(made, step, {"image": operator, "runtimes.cpu.image": runtime, "gateway.image": gateway})
    with steps.step("helm upgrade --install of Prometheus") as step:
        prometheus.install(made, NAMESPACE, metrics, step)
    answer = Made(
        kubeconfig=str(made.kubeconfig),
        kubectl=str(tools.path("kubectl")),
        helm=str(tools.path("helm")),
        operator_image=registry.reference(operator),
        runtime_image=registry.reference(runtime),
        old_engine=str(oldengine.provide(steps)),
        model_folder=folder.name,
        models_on_host=str(cluster.models_folder()),
    )
    answer.write(made.folder / "platform.json")
    return answer


def _sources(folder: str) -> list[Path]:
    """Tracked and new files of a folder, as git sees them."""
    listed = output(["git", "ls-files", "--cached", "--others", "--exclude-standard", folder])
    return [Path(line) for line in sorted(listed.split()) if Path(line).is_file()]


def _others(folder: Path) -> list[Path]:
    return [path for path in _sources(str(folder)) if path.name not in {"Dockerfile", "runtime.Dockerfile"}]


def _tagged(name: str, sources: list[Path], base: str) -> str:
    """Image name whose tag changes with what goes into it."""
    digest = hashlib.sha256(base.encode())
    for path in sources:
        digest.update(f"\n{path}\n".encode() + path.read_bytes())
    return f"{name}:{digest.hexdigest()[:12]}"


def _provide(steps: Steps, image: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
    """Build and push an image that the local registry does not hold yet."""
    if registry.holds(image):
        return
    with steps.step(f"image {image.split(':', maxsplit=1)[0]}") as step:
        flags = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={_local(value, step)}")]
        step.run(docker.docker("build", "--network", "host", *flags, "-t", image, "-f", dockerfile, context or "."))
        registry.push(image, step)
        step.note = image.split(":")[1]


def _local(base: str, step: Step) -> str:
    """The base under a name that docker holds; fetched from the local registry where docker lost it."""
    if ":" in base and not docker.has_image(base) and registry.holds(base):
        registry.provide(registry.reference(base), step)
        return registry.reference(base)
    return base


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
    except (StepError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{steps.table()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
