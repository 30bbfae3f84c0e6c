# Everything runs from .venv, which makes itself: when it is missing, and again when pyproject.toml changed.
# Needed on the machine: Python 3.11 or later and make. Another Python: make PYTHON=python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What perdure is measured against has many dependencies, which no test needs.
BENCH := $(VENV)/bench

# Pyright asks the network at each start whether it is the newest one. It is pinned, so it need not.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.NOTPARALLEL:
.PHONY: help test lint layers fresh pytest demo bench generate format clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' Makefile

test: lint layers fresh pytest ## Everything that has to hold: linters, type checkers, contracts, tests

lint: $(STAMP) ## Linter, formatter, both type checkers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/mypy

layers: $(STAMP) ## Which package may import which
	$(BIN)/lint-imports --no-cache --no-logo

fresh: $(STAMP) ## Is generated/ what the generator makes of specs/?
	$(BIN)/perdure generate --check

pytest: $(STAMP) ## The tests alone
	$(BIN)/pytest

demo: $(STAMP) ## From a spec to a signup that survives a SIGKILL, in a minute
	$(BIN)/python examples/demo.py

bench: $(BENCH)/.installed ## Measure everything, for an hour or two; with ARGS=--quick: does it work?
	$(BENCH)/bin/python -m benchmarks $(ARGS)

generate: $(STAMP) ## Write generated/ anew from specs/
	$(BIN)/perdure generate

format: $(STAMP) ## Format, sort imports, apply the safe fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## Remove .venv and all caches; spec, code and perdure-data stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp comes last: an installation that was interrupted starts over.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "perdure needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
			"Name another one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing perdure and its tools into $(VENV) (a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install -qq --editable . --group dev
	@touch $@

$(BENCH)/.installed: $(STAMP)
	@echo "Installing what perdure is measured against into $(BENCH) (a minute, once)"
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install -qq --upgrade 'pip>=25.1'
	@$(BENCH)/bin/python -m pip install -qq --editable . --group bench
	@touch $@
