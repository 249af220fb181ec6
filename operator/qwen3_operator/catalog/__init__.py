"""What is known of models, formats, accelerators and engines: data files with their sources, and typed rows."""

from qwen3_operator.api.deployment import UseCase
from qwen3_operator.catalog.accelerators import CPU, Accelerator, DeviceKind, Family, NodeMark, Precision, Vendor
from qwen3_operator.catalog.base import Known
from qwen3_operator.catalog.checkpoints import Checkpoint, QuantizationFormat, computes_in
from qwen3_operator.catalog.engines import Engine
from qwen3_operator.catalog.loader import Catalog, catalog_texts, load_catalog
from qwen3_operator.catalog.models import Model, Thinking
from qwen3_operator.catalog.overlay import overlaid
from qwen3_operator.catalog.rows import CatalogError, CatalogProblem
from qwen3_operator.catalog.shapes import Experts, Recurrent, Vision

__all__ = [
    "CPU",
    "Accelerator",
    "Catalog",
    "CatalogError",
    "CatalogProblem",
    "Checkpoint",
    "DeviceKind",
    "Engine",
    "Experts",
    "Family",
    "Known",
    "Model",
    "NodeMark",
    "Precision",
    "QuantizationFormat",
    "Recurrent",
    "Thinking",
    "UseCase",
    "Vendor",
    "Vision",
    "catalog_texts",
    "computes_in",
    "load_catalog",
    "overlaid",
]
