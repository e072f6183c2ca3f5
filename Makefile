# Two commands do everything on a fresh machine: `make sweep` and `make test`.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
# Looked at first: a failed `venv` leaves an environment without pip behind.
USABLE = $(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 11))'
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help setup sweep test test-slow lint bench
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## Make the virtual environment (skipped when it is current)

$(STAMP): pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || { $(USABLE) 2> /dev/null && $(PYTHON) -m venv $(VENV); } || \
		{ echo "$(PYTHON): expected Python 3.11 with venv: apt install python3.11-venv, or make PYTHON=..." >&2; exit 1; }
	@echo "Installing into $(VENV) (some minutes and 6 GB the first time) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

sweep: $(STAMP) ## Sweep PriorsNet on the embedded world and print Table S2 (ARGS="--trials 12" for more)
	$(BIN)/python jobs/sweep_priorsnet.py $(ARGS)

test: $(STAMP) ## Run the quick tests
	$(BIN)/python -m pytest $(ARGS)

test-slow: $(STAMP) ## Run clusters, browsers, real records and kill loops; writes docs/evidence
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: $(STAMP) ## ruff, mypy strict, import-linter
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP) ## Print the benchmarks' ratios
	$(BIN)/python benchmarks/priorsnet_step.py
	$(BIN)/python benchmarks/sweep_overhead.py
	$(BIN)/python benchmarks/store.py
	$(BIN)/python benchmarks/image_pipeline.py
	$(BIN)/python benchmarks/train_step.py
