"""The test cluster: kind with or without a container registry in reach. Run ``python3 -m tests.kind --help``."""
