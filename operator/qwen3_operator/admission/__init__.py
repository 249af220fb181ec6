"""The validating webhook: warns at ``kubectl apply`` where a spec has no plan. It never refuses."""

from qwen3_operator.admission.service import Admission

__all__ = ["Admission"]
