"""What is known of models, formats, accelerators and engines: data files with their sources, and typed rows."""

from qwen3_operator.catalog.accelerators import CPU, Accelerator, DeviceKind, NodeMark
from qwen3_operator.catalog.engines import Engine
from qwen3_operator.catalog.loader import Catalog, CatalogError, load_catalog
from qwen3_operator.catalog.models import Checkpoint, Model, QuantizationFormat

__all__ = [
    "CPU",
    "Accelerator",
    "Catalog",
    "CatalogError",
    "Checkpoint",
    "DeviceKind",
    "Engine",
    "Model",
    "NodeMark",
    "QuantizationFormat",
    "load_catalog",
]
