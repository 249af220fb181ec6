"""Is the folder of weights the model that the pod is to serve, and is it complete?"""

from qwen3_runtime.weights.check import check_folder, with_weights
from qwen3_runtime.weights.problem import Problem

__all__ = ["Problem", "check_folder", "with_weights"]
