"""A fleet in front of recorded traffic, driven by the same ``decide`` as the real one; pure."""

from qwen3_operator.scaling.simulate.arrivals import STEP_SECONDS, Arrivals
from qwen3_operator.scaling.simulate.bound import Bound, bound
from qwen3_operator.scaling.simulate.fleet import Run, run
from qwen3_operator.scaling.simulate.rates import Rates, generated
from qwen3_operator.scaling.simulate.report import Report, report
from qwen3_operator.scaling.simulate.requests import Latency, Machine, requests_of, run_requests
from qwen3_operator.scaling.simulate.scalers import SCALERS, scaler
from qwen3_operator.scaling.simulate.setting import Setting
from qwen3_operator.scaling.simulate.timetable import Timetable

__all__ = [
    "SCALERS",
    "STEP_SECONDS",
    "Arrivals",
    "Bound",
    "Latency",
    "Machine",
    "Rates",
    "Report",
    "Run",
    "Setting",
    "Timetable",
    "bound",
    "generated",
    "report",
    "requests_of",
    "run",
    "run_requests",
    "scaler",
]
