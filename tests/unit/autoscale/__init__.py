"""The wiring of the autoscaler."""
