"""The wiring around ``scaling.decide``: from Prometheus to replicas, and what people see of it."""
