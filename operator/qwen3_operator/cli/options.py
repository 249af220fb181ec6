"""Options that several commands share."""

from typing import Annotated

import typer

from qwen3_operator.cli.output import Format

Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", metavar="FILE", help="Default: KUBECONFIG or ~/.kube/config.")
]
Context = Annotated[str | None, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Default: that of the context.")
]
Output = Annotated[Format, typer.Option("--output", "-o", help="What is printed.")]
InventoryFile = Annotated[
    str | None,
    typer.Option(
        "--inventory",
        metavar="FILE",
        help="Plan on the nodes of a file: 'kubectl qwen3 inventory -o yaml', 'kubectl get nodes -o json', "
        "or a list of {accelerator, nodes, devices, price}.",
    ),
]
HardwareWords = Annotated[
    str | None,
    typer.Option(
        "--hardware",
        metavar="WORDS",
        help="Plan on hardware in words, nodes x devices, with a price per device hour if you like: "
        "'2x8 H100-SXM @2.50, 1x8 Ascend-910B3'.",
    ),
]
CatalogFile = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        help="ConfigMap whose rows lie over the shipped catalog. Default: the cluster's own.",
    ),
]
