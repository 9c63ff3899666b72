# The two commands, and what CI runs: the same scripts on every machine.
#
#   make demo    set everything up, index real street footage through a local Ray, say what was found
#   make test    set everything up, run every test
#
# VENV and RTCC_HOME may be set to other folders.

SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
export VENV

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint types imports format bench constraints clean

help: ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

venv: ## Make .venv with everything that demo and test need
	@bash .ci/venv
	@bash .ci/widgets

demo: venv ## Index real street footage and say what was found
	@$(BIN)/rtcc demo

test: venv ## Run every test; say which are left out and why
	@bash .ci/test

lint: venv ## Format and lint
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: venv ## mypy --strict on catalog and workbench
	@$(BIN)/mypy

imports: venv ## The walls between the rooms
	@$(BIN)/lint-imports

format: venv ## Rewrite the sources as ruff would have them
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: venv ## Run the benchmarks; each prints its ratios
	@$(BIN)/python -m benchmarks

constraints: venv ## Write down every version now installed in .venv
	@bash .ci/constraints

clean: ## Remove .venv and what tools left behind
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
