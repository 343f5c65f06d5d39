# `make` alone lists what can be done.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
BUF    := .build/buf/node_modules/.bin/buf
PLUGINS := .build/plugins
PROTOS := $(wildcard protos/tocsin/v1/*.proto)
SOURCE := server clients/python clients/conformance tests

BUF_VERSION := 1.75.0
PROTOC_GEN_GO_VERSION := 1.36.12
PROTOC_GEN_GO_GRPC_VERSION := 1.6.2
PROTOC_GEN_ES_VERSION := 2.17.0
PROTOC_VERSION := 4.36.2
PROTOC_GEN_GRPC_JAVA_VERSION := 1.83.1
STATICCHECK_VERSION := 0.8.2
AXE_VERSION := 4.14.1
TYPESCRIPT_VERSION := 7.0.2
# What `make breaking` compares the API with: the newest release, or main while there is none.
AGAINST ?= $(shell git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || echo main)

.DEFAULT_GOAL := help
.PHONY: help run test test-quick coverage module-tests bench bench-quick web-tools browser-test web-test web-types lint format types imports proto lint-proto breaking docs verify wheel check lock clean
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
	@echo "installing what $(1) names into $(VENV), which takes a minute the first time"
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

# Compilers of the protos for other languages, each by the package manager of its language.
MAVEN_COPY = mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
  -DoutputDirectory=$(PLUGINS)/bin -Dmdep.stripVersion=true -Dmdep.stripClassifier=true
# What Maven Central calls this machine: linux-x86_64, linux-aarch_64, osx-aarch_64.
MACHINE := $(shell uname -sm | tr 'A-Z ' 'a-z-' | sed 's/darwin/osx/; s/aarch64\|arm64/aarch_64/')

PLUGINS_STAMP := $(PLUGINS)/$(subst $() ,-,$(PROTOC_GEN_GO_VERSION) $(PROTOC_GEN_GO_GRPC_VERSION) $(PROTOC_GEN_ES_VERSION) $(PROTOC_VERSION) $(PROTOC_GEN_GRPC_JAVA_VERSION)).stamp
$(PLUGINS_STAMP):
	@rm -rf $(PLUGINS) && mkdir -p $(PLUGINS)/bin
	GOBIN=$(CURDIR)/$(PLUGINS)/bin go install google.golang.org/protobuf/cmd/protoc-gen-go@v$(PROTOC_GEN_GO_VERSION)
	GOBIN=$(CURDIR)/$(PLUGINS)/bin go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v$(PROTOC_GEN_GO_GRPC_VERSION)
	npm install --silent --no-fund --no-audit --no-save --prefix $(PLUGINS) @bufbuild/protoc-gen-es@$(PROTOC_GEN_ES_VERSION)
	$(MAVEN_COPY) -Dartifact=com.google.protobuf:protoc:$(PROTOC_VERSION):exe:$(MACHINE)
	$(MAVEN_COPY) -Dartifact=io.grpc:protoc-gen-grpc-java:$(PROTOC_GEN_GRPC_JAVA_VERSION):exe:$(MACHINE)
	@cd $(PLUGINS)/bin && for tool in protoc protoc-gen-grpc-java; do mv $$tool.exe $$tool && chmod +x $$tool; done
	@touch $@

# -- everyday ------------------------------------------------------------------------------------

run: $(VENV)/run.stamp ## Serve in development mode on one SQLite file, with the demo page
	$(BIN)/tocsin serve --dev --bridge

# Tests wait more than half of their time: for processes, for databases, for what must not happen too soon. A module's
# tests share its servers, so a file goes to one worker. WORKERS=0 runs all in one process, where --pdb and -s work.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
WORKERS = $(shell echo $$((3 * $(CORES))))
PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/dev.stamp ## Run the test suite (PYTEST_ARGS="-k feed" narrows it, WORKERS=0 is for a debugger)
	$(BIN)/pytest $(PARALLEL) $(PYTEST_ARGS)

# The pure parts wait little, and each worker takes seconds to find all tests.
test-quick: WORKERS = $(shell echo $$(($(CORES) + 1)))
test-quick: $(VENV)/dev.stamp ## Run the tests of pure parts alone, about half a minute on an idle machine
	$(BIN)/pytest $(PARALLEL) tests/unit $(PYTEST_ARGS)

DOCUMENTS = PYTHONPATH=tests $(BIN)/python -m documents
# Those that end by themselves: what is killed cannot say what it ran, and what has deadlines should not be slowed down.
COVERED := tests/contract tests/unit

coverage: $(VENV)/dev.stamp ## Run unit and contract tests, and measure: not below the floor in pyproject.toml
	@rm -rf .build/coverage && mkdir -p .build/coverage
	$(BIN)/coverage run -m pytest $(PARALLEL) $(COVERED) $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered

module-tests: $(VENV)/dev.stamp ## Check that each module is tested, by name or by tests/tested_elsewhere.txt, and that none is too long
	$(BIN)/python tests/check_modules.py

BENCH = PYTHONPATH=tests:clients/conformance $(BIN)/python -m bench

bench: $(VENV)/bench.stamp conformance-drivers ## Compare with baselines, rewrite the table in tests/bench (BENCH_ARGS="--only B1" for one)
	$(BENCH) --readme tests/bench/README.md --json .build/bench/report.json $(BENCH_ARGS)

bench-quick: $(VENV)/bench.stamp conformance-drivers ## The same in small: a look in three minutes, not a measurement
	$(BENCH) --quick --json .build/bench/report-quick.json $(BENCH_ARGS)

.build/web/stamp: Makefile
	npm install --silent --no-fund --no-audit --no-save --prefix .build/web \
	  axe-core@$(AXE_VERSION) typescript@$(TYPESCRIPT_VERSION)
	@touch $@

web-tools: .build/web/stamp ## Install what the browser's checks need (npm)

browser-test: $(VENV)/dev.stamp .build/web/stamp ## Test the inbox in a real browser (needs Chromium)
	$(BIN)/pytest tests/browser $(PYTEST_ARGS)

web-test: ## Test the browser's modules that need no browser (node --test)
	node --test tests/unit/web/*.test.js

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

check: lint types imports module-tests web-types web-test verify wheel test clients conformance browser-test ## Everything that a change must pass

# -- the API -------------------------------------------------------------------------------------

# google/rpc/status.proto, which SendResult uses, and the details of errors come from the installed package of common
# protos.
DEPS := protos/.deps/google/rpc
$(DEPS)/error_details.proto: $(VENV)/dev.stamp
	@mkdir -p $(DEPS)
	@cd "$$($(BIN)/python -c 'import google.rpc, pathlib; print(pathlib.Path(list(google.rpc.__path__)[0]))')" && \
	  cp status.proto error_details.proto $(CURDIR)/$(DEPS)/
	@touch $@

lint-proto: $(DEPS)/error_details.proto $(BUF) ## Lint the protos (buf STANDARD and COMMENTS)
	$(BUF) lint protos --path protos/tocsin
	$(BUF) format --diff --exit-code protos --path protos/tocsin

breaking: $(DEPS)/error_details.proto $(BUF) ## Refuse a change that breaks callers of AGAINST (a git tag or branch)
	@git cat-file -e $(AGAINST):protos/tocsin 2>/dev/null || { echo "nothing to compare with at $(AGAINST)"; exit 0; }; \
	rm -rf .build/against && mkdir -p .build/against && \
	git archive $(AGAINST) protos | tar -x -C .build/against && \
	cp -R protos/.deps .build/against/protos/ && \
	$(BUF) breaking protos --against .build/against/protos

# $(call generate,DIR) writes the code for the protos below DIR, a folder for each language. TypeScript has no usual
# package of google/rpc, so it gets those too.
define generate
	@mkdir -p $(1)/python $(1)/typescript
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I protos -I protos/.deps \
	  --python_out=$(1)/python --pyi_out=$(1)/python --grpc_python_out=$(1)/python --mypy_grpc_out=quiet:$(1)/python $(PROTOS)
	@touch $(1)/python/tocsin/__init__.py $(1)/python/tocsin/v1/__init__.py $(1)/python/tocsin/py.typed
	PATH="$(CURDIR)/$(PLUGINS)/bin:$(CURDIR)/$(PLUGINS)/node_modules/.bin:$$PATH" \
	  $(BUF) generate protos --path protos/tocsin --template protos/buf.gen.yaml --output $(1)
	PATH="$(CURDIR)/$(PLUGINS)/node_modules/.bin:$$PATH" $(BUF) generate protos/.deps --output $(1) \
	  --template '{"version":"v2","plugins":[{"local":"protoc-gen-es","out":"typescript","opt":"target=js+dts,import_extension=js"}]}'
endef

# What of generated/ is generated; what declares a package of it is not.
GENERATED := python/tocsin go/tocsin typescript/tocsin typescript/google java/dev

proto: lint-proto breaking $(PLUGINS_STAMP) ## Generate the code in generated/ from protos/
	rm -rf $(addprefix generated/,$(GENERATED))
	$(call generate,generated)

docs: $(VENV)/dev.stamp ## Bring up to date what documents quote: the table of settings, snippets
	$(DOCUMENTS) --write

verify: lint-proto breaking $(PLUGINS_STAMP) ## Fail when generated code is not what protos/ would give, or a document is stale
	@$(DOCUMENTS)
	rm -rf .build/generated
	$(call generate,.build/generated)
	@(for part in $(GENERATED); do diff -r --exclude=__pycache__ .build/generated/$$part generated/$$part || exit 1; done) \
	  || { echo "generated/ is stale: run 'make proto' and commit the result"; exit 1; }

wheel: $(VENV)/dev.stamp ## Build the wheel and check which packages it installs
	@rm -rf .build/wheel
	$(BIN)/hatchling build -t wheel -d .build/wheel
	@$(BIN)/python -m zipfile -l .build/wheel/*.whl | awk 'NR > 1 {split($$1, p, "/"); print p[1]}' | sort -u \
	  | grep -v 'dist-info$$' | diff - <(printf '%s\n' tocsin tocsin_client tocsin_server)

# -- clients ----------------------------------------------------------------------------------------

# Each client's own checks and tests: its formatter, linter, build and suite. A client adds its name here, and its target.
CLIENTS := client-python client-go client-java client-typescript
.PHONY: clients $(CLIENTS)

clients: $(CLIENTS) ## Build and test the clients, each with the tools of its language

client-python: $(VENV)/dev.stamp
	$(BIN)/pytest tests/unit/client tests/integration/test_python_client.py tests/integration/test_bulk_sender.py $(PYTEST_ARGS)

STATICCHECK := .build/go/staticcheck-$(STATICCHECK_VERSION)
$(STATICCHECK):
	GOBIN=$(CURDIR)/.build/go go install honnef.co/go/tools/cmd/staticcheck@v$(STATICCHECK_VERSION)
	@mv .build/go/staticcheck $@

client-go: $(VENV)/dev.stamp $(STATICCHECK)
	@cd clients/go && unformatted="$$(gofmt -l .)" && { [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }; }
	cd clients/go && go mod tidy -diff && go vet ./... && $(CURDIR)/$(STATICCHECK) ./...
	cd clients/go && go test -race ./... $(GO_TEST_ARGS)

.PHONY: client-go-driver
client-go-driver:
	cd clients/go && go build -o $(CURDIR)/.build/go/conformance ./conformance

# What Maven needs is fetched once for each state of the poms; after that it asks nobody.
JAVA := mvn --quiet --batch-mode --file clients/java/pom.xml
JAVA_POMS := $(wildcard clients/java/pom.xml clients/java/*/pom.xml)
.build/java.stamp: $(JAVA_POMS)
	$(JAVA) verify -Pstyle -Dtest=RecipientTest -Dsurefire.failIfNoSpecifiedTests=false
	@mkdir -p .build && touch $@

client-java: $(VENV)/dev.stamp .build/java.stamp
	$(JAVA) --offline verify -Pstyle $(MAVEN_ARGS)

.PHONY: client-java-driver
client-java-driver: .build/java.stamp
	$(JAVA) --offline package -DskipTests

TYPESCRIPT := clients/typescript
.build/typescript.stamp: $(TYPESCRIPT)/package-lock.json
	npm ci --silent --no-fund --no-audit --ignore-scripts --prefix $(TYPESCRIPT)
	@mkdir -p .build && touch $@

client-typescript: $(VENV)/dev.stamp .build/typescript.stamp
	npm run --silent lint --prefix $(TYPESCRIPT)
	npm test --silent --prefix $(TYPESCRIPT)

.PHONY: client-typescript-driver
client-typescript-driver: .build/typescript.stamp
	npm run --silent compile --prefix $(TYPESCRIPT)

CONFORMANCE = PYTHONPATH=tests:clients/conformance $(BIN)/python -m runner
.PHONY: conformance conformance-drivers

# The drivers that can be built on this machine, by the targets that clients/conformance/drivers.toml names.
conformance-drivers: $(VENV)/dev.stamp
	@targets="$$($(CONFORMANCE) --targets $(CONFORMANCE_ARGS))" && { [ -z "$$targets" ] || $(MAKE) --no-print-directory $$targets; }

conformance: conformance-drivers ## Play the same scenarios through all clients (CONFORMANCE_ARGS="--only go --scenario feed")
	$(CONFORMANCE) $(CONFORMANCE_ARGS)

# -- housekeeping --------------------------------------------------------------------------------

COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11

lock: $(VENV)/dev.stamp ## Pin the newest allowed versions of all dependencies
	echo hatchling | $(COMPILE) --upgrade pyproject.toml - --extra server --extra mcp --extra tracing -o requirements.txt
	echo hatchling | $(COMPILE) --upgrade pyproject.toml - --extra server --extra mcp --extra tracing --extra dev -c requirements.txt -o requirements-dev.txt
	echo hatchling | $(COMPILE) --upgrade pyproject.toml - --extra server --extra mcp --extra tracing --extra bench -c requirements-dev.txt -o requirements-bench.txt

clean: ## Remove the environment and everything built
	rm -rf $(VENV) .build protos/.deps .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
