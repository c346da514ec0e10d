# Needs Python 3.11+ and make. `make up` starts everything; `make test` runs what a change must pass.

.DEFAULT_GOAL := help
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
WEB := src/orbit_contacts/interfaces/web
BROWSER_FILES := $(WEB)/vendor/.complete
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq

# The first Python that is new enough, looked for only when .venv is made; or: make setup PYTHON=python3.12
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

# pyright comes whole in its wheel and runs on the Node.js wheel; without this it asks for a newer version.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help
help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(BROWSER_FILES) $(VENV)/.project ## make .venv with everything, and .venv/bin/orbit

.PHONY: up
up: setup ## start PostgreSQL, the API, the console and the worker (ARGS="--port 9000")
	@exec $(BIN)/orbit up $(ARGS)

.PHONY: test
test: setup browser static ## everything a change must pass
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: check
check: setup static ## style, types, the order of the floors, and the rules for SQL
	@$(BIN)/python -m pytest tests/sql_rules

.PHONY: static
static:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: setup ## put the code into the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: openapi
openapi: setup ## rewrite openapi.json and the pages made from the code
	@$(BIN)/python -m tests.documents

.PHONY: bench
bench: setup ## measure every figure the README claims
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: dist
dist: setup ## make the sdist and the wheel in dist/
	@$(BIN)/python -m build --no-isolation

# uv is only for this: the lock it writes is a plain requirements file, which pip reads, and names no registry.
.PHONY: lock
lock: setup ## choose every dependency's version anew
	@$(PIP) install uv
	@$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
		--all-extras --group dev --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock

# A Chromium for the browser tests: the machine's own, else Debian's if it may be installed.
.PHONY: browser
browser:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then exit 0; fi >/dev/null; \
	if [ "$$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release; then \
		echo "Installing chromium for the browser tests"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium fonts-dejavu-core >/dev/null && exit 0; \
	fi; \
	if [ -n "$$CI" ]; then echo "The browser tests need Chromium, and none can be installed here." >&2; exit 1; fi; \
	echo "No Chromium here: the browser tests will be skipped."

.PHONY: clean
clean: ## remove what make made
	@rm -rf $(VENV) $(WEB)/vendor tests/browser/vendor dist build .pytest_cache .ruff_cache .hypothesis

# Each step below is skipped while its stamp is newer than what it was made from.

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }

$(VENV)/.packages: requirements.lock | $(BIN)/pip
	@echo "Installing the locked packages into $(VENV)"
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.project: $(VENV)/.packages pyproject.toml hatch_build.py
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(BROWSER_FILES): $(WEB)/vendor.json hatch_build.py | $(VENV)/.packages
	@$(BIN)/python hatch_build.py
	@touch $@
