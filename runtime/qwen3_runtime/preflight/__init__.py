"""Is this the node that was planned with? Asked before anything is fetched or started, on Ascend devices.

Not verified on hardware: the parsers are tested against recorded outputs of others' machines.
"""

from qwen3_runtime.preflight.check import check
from qwen3_runtime.preflight.finding import Finding, unknowns, verdict
from qwen3_runtime.preflight.look import look
from qwen3_runtime.preflight.places import Places

__all__ = ["Finding", "Places", "check", "look", "unknowns", "verdict"]
