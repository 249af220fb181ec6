"""How far the performance model is off what was measured; `fit` calibrates its constants anew."""
