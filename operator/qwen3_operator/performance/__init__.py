"""How fast a replica answers: a pure model of steps, passes and queues, with constants from the catalog."""

from qwen3_operator.performance.predict import largest_concurrency, speeds
from qwen3_operator.performance.types import Layout, Load, Speed

__all__ = ["Layout", "Load", "Speed", "largest_concurrency", "speeds"]
