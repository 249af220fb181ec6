"""From a plan to Kubernetes objects: pure, deterministic, raw dictionaries as the API server takes them."""
