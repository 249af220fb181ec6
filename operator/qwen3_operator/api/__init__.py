"""The Kubernetes API: types of ``serving.qwen3.io`` and the generator of their CustomResourceDefinitions."""
