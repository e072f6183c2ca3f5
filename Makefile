# Two commands do everything on a fresh machine: `make sweep` and `make test`.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help setup sweep test test-slow lint bench
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## Make the virtual environment (skipped when it is current)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
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
