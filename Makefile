# `make` alone lists what can be done.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
BUF    := .build/buf/node_modules/.bin/buf
PROTOS := $(wildcard protos/tocsin/v1/*.proto)
SOURCE := server clients/python tests

BUF_VERSION := 1.75.0
AXE_VERSION := 4.14.1
TYPESCRIPT_VERSION := 7.0.2
# What `make breaking` compares the API with: the newest release, or main while there is none.
AGAINST ?= $(shell git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || echo main)

.DEFAULT_GOAL := help
.PHONY: help run test bench bench-quick web-tools browser-test web-types lint format types imports proto lint-proto breaking verify wheel check lock clean
SHELL := bash

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- environment ---------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Tocsin needs Python 3.11 or newer; name one with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Dependencies come pinned and hash-checked; the project itself is installed in place.
define install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endef

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(call install,requirements.txt)
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/run.stamp

$(VENV)/bench.stamp: requirements-bench.txt pyproject.toml | $(BIN)/python
	$(call install,requirements-bench.txt)
	@touch $@ $(VENV)/run.stamp

$(BUF):
	npm install --silent --no-fund --no-audit --no-save --prefix .build/buf @bufbuild/buf@$(BUF_VERSION)

# -- everyday ------------------------------------------------------------------------------------

run: $(VENV)/run.stamp ## Serve in development mode on one SQLite file, with the demo page
	$(BIN)/tocsin serve --dev --bridge

test: $(VENV)/dev.stamp ## Run the test suite (PYTEST_ARGS="-k feed" narrows it)
	$(BIN)/pytest $(PYTEST_ARGS)

BENCH = PYTHONPATH=tests $(BIN)/python -m bench

bench: $(VENV)/bench.stamp ## Compare with baselines, rewrite the README's table (BENCH_ARGS="--only B1" for one)
	$(BENCH) --readme README.md --json .build/bench/report.json $(BENCH_ARGS)

bench-quick: $(VENV)/bench.stamp ## The same in small: a look in three minutes, not a measurement
	$(BENCH) --quick --json .build/bench/report-quick.json $(BENCH_ARGS)

.build/web/stamp: Makefile
	npm install --silent --no-fund --no-audit --no-save --prefix .build/web \
	  axe-core@$(AXE_VERSION) typescript@$(TYPESCRIPT_VERSION)
	@touch $@

web-tools: .build/web/stamp ## Install what the browser's checks need (npm)

browser-test: $(VENV)/dev.stamp .build/web/stamp ## Test the inbox in a real browser (needs Chromium)
	$(BIN)/pytest tests/browser $(PYTEST_ARGS)

web-types: .build/web/stamp ## Check the types of the browser's modules (tsc --checkJs)
	.build/web/node_modules/.bin/tsc -p clients/web/jsconfig.json

lint: $(VENV)/dev.stamp ## Check style
	$(BIN)/ruff check $(SOURCE)
	$(BIN)/ruff format --check $(SOURCE)

format: $(VENV)/dev.stamp ## Format and fix what can be fixed
	$(BIN)/ruff check --fix $(SOURCE)
	$(BIN)/ruff format $(SOURCE)

types: $(VENV)/dev.stamp ## Check types (mypy --strict)
	$(BIN)/mypy

imports: $(VENV)/dev.stamp ## Check which package may import which
	$(BIN)/lint-imports

check: lint types imports web-types verify wheel test browser-test ## Everything that a change must pass

# -- the API -------------------------------------------------------------------------------------

# google/rpc/status.proto, which SendResult uses, comes from the installed package of common protos.
protos/.deps: $(VENV)/dev.stamp
	@mkdir -p $@/google/rpc
	@cp "$$($(BIN)/python -c 'import google.rpc, pathlib; print(pathlib.Path(list(google.rpc.__path__)[0]))')/status.proto" $@/google/rpc/
	@touch $@

lint-proto: protos/.deps $(BUF) ## Lint the protos (buf STANDARD and COMMENTS)
	$(BUF) lint protos --path protos/tocsin
	$(BUF) format --diff --exit-code protos --path protos/tocsin

breaking: protos/.deps $(BUF) ## Refuse a change that breaks callers of AGAINST (a git tag or branch)
	@git cat-file -e $(AGAINST):protos/tocsin 2>/dev/null || { echo "nothing to compare with at $(AGAINST)"; exit 0; }; \
	rm -rf .build/against && mkdir -p .build/against && \
	git archive $(AGAINST) protos | tar -x -C .build/against && \
	cp -R protos/.deps .build/against/protos/ && \
	$(BUF) breaking protos --against .build/against/protos

# $(call generate,DIR) writes the Python code for the protos below DIR.
define generate
	@mkdir -p $(1)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I protos -I protos/.deps \
	  --python_out=$(1) --pyi_out=$(1) --grpc_python_out=$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)
	@touch $(1)/tocsin/__init__.py $(1)/tocsin/v1/__init__.py $(1)/tocsin/py.typed
endef

proto: lint-proto breaking ## Generate the code in generated/ from protos/
	rm -rf generated/python/tocsin
	$(call generate,generated/python)

verify: lint-proto breaking ## Fail when generated code is not what protos/ would give
	rm -rf .build/generated
	$(call generate,.build/generated)
	@diff -r --exclude=__pycache__ .build/generated generated/python \
	  || { echo "generated/ is stale: run 'make proto' and commit the result"; exit 1; }

wheel: $(VENV)/dev.stamp ## Build the wheel and check which packages it installs
	@rm -rf .build/wheel
	$(BIN)/hatchling build -t wheel -d .build/wheel
	@$(BIN)/python -m zipfile -l .build/wheel/*.whl | awk 'NR > 1 {split($$1, p, "/"); print p[1]}' | sort -u \
	  | grep -v 'dist-info$$' | diff - <(printf '%s\n' tocsin tocsin_client tocsin_server)

# -- housekeeping --------------------------------------------------------------------------------

COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11

lock: $(VENV)/dev.stamp ## Pin the newest allowed versions of all dependencies
	echo hatchling | $(COMPILE) --upgrade pyproject.toml - --extra server -o requirements.txt
	echo hatchling | $(COMPILE) --upgrade pyproject.toml - --extra server --extra dev -c requirements.txt -o requirements-dev.txt
	echo hatchling | $(COMPILE) --upgrade pyproject.toml - --extra server --extra bench -c requirements-dev.txt -o requirements-bench.txt

clean: ## Remove the environment and everything built
	rm -rf $(VENV) .build protos/.deps .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
