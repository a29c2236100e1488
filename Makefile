# Everything a newcomer or CI does with this repository. Paths are relative, since folders may have spaces.
# Needs make, and Python 3.11 or later with its venv module; the rest is installed into .venv on first use.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that is new enough makes the environment; name another with `make run PYTHON=...`.
PYTHON ?= python3 python3.13 python3.12 python3.11
VENV := .venv
RUN := $(VENV)/bin/python -m
PIP := $(RUN) pip --quiet --disable-pip-version-check
COMPILE := $(RUN) uv --quiet pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make constraints"

.PHONY: help run demo test rare check lint types imports bench soak sdk constraints clean

help: ## print this list
	@echo "make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/program ## start the daemon on the simulated Wix (config.toml); Ctrl-C stops it
	@exec $(RUN) milestones run

demo: $(VENV)/program ## the same with lively traffic, and the dashboard opened
	@exec $(RUN) milestones demo

# Four even on two cores, since many tests wait for a process, a retry or a browser.
PYTEST := $(RUN) pytest -n 4 --dist loadgroup

test: $(VENV)/tools ## run the tests: all that guards a promise, in at most five minutes on two cores
	@exec $(PYTEST) -m "not rare"

rare: $(VENV)/tools ## run the rest: chaos, every point of death on PostgreSQL, more examples of everything
	@exec $(PYTEST) -m "rare or examples" --hypothesis-profile=thorough

check: lint types imports test rare ## run all that CI runs: lint, types, import contracts, all tests

lint: $(VENV)/tools
	$(RUN) ruff check
	$(RUN) ruff format --check

types: $(VENV)/tools
	$(RUN) mypy

imports: $(VENV)/tools
	$(VENV)/bin/python -c 'from importlinter.cli import lint_imports_command as run; run()' --no-logo

bench: $(VENV)/tools ## measure, and print the figures beside what they are measured against
	@exec $(RUN) bench

soak: $(VENV)/tools ## ten minutes of random kills and faults; prints what was lost and doubled
	@exec $(RUN) bench.soak

sdk: $(VENV)/program ## hold the simulated Wix to the official SDK, call by call (needs node 20 and npm)
	@command -v npm >/dev/null || { echo "make sdk needs node 20 or later, with npm." >&2; exit 1; }
	@cd tests/sdk && npm install --silent --no-audit --no-fund --no-package-lock
	@cd tests/sdk && PYTHON="$(CURDIR)/$(VENV)/bin/python" exec node check.mjs

constraints: $(VENV)/created ## pin the newest releases of all dependencies, with hashes, for every platform
	@$(PIP) install uv
	$(COMPILE) --group build --output-file constraints.txt
	$(COMPILE) --group dev --constraint constraints.txt --output-file constraints-dev.txt

clean: ## remove the environment and every cache; var/, where the data lies, stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/sdk/node_modules tests/sdk/build
	find milestones wixsandbox tests bench -name __pycache__ -prune -exec rm -rf {} +

# The environment. A stamp is newer than what it was made from, so a second call installs nothing, and an interrupted
# one is taken up again. The checkout itself is installed editable: its own changes need no installation.

$(VENV)/tools: $(VENV)/program constraints-dev.txt
	@echo "Installing the tools for tests into $(VENV) (once, about half a minute) ..."
	@$(PIP) install --require-hashes --requirement constraints-dev.txt
	@touch $@

$(VENV)/program: $(VENV)/created constraints.txt pyproject.toml
	@echo "Installing the program into $(VENV) (once, about half a minute) ..."
	@$(PIP) install --require-hashes --requirement constraints.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/created:
	@if $(RUN) pip --version >/dev/null 2>&1; then touch $@; exit; fi; \
	for python in $(PYTHON); do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  $$python -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$$python has no venv module. Install it (on Debian and Ubuntu: apt-get install python3-venv)."; exit 1; }; \
	  rm -rf $(VENV) && $$python -m venv $(VENV) && touch $@; exit; \
	done >&2; \
	echo "No Python 3.11 or later among: $(PYTHON). Install one, or name it: make $(MAKECMDGOALS) PYTHON=..." >&2; \
	exit 1
