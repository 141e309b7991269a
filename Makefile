# `make` or `make help` lists the targets. Everything runs in .venv, which the first target that needs it makes.
# PYTHON=/path chooses another Python for it; ARGS='-k name' goes to pytest; SRC=folder is what the demo reads.

SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
LINT := $(PY) -m codegen lint --schema schema.sql --queries ragkernel/sql/queries --plans ragkernel/sql/plans.txt
GEN := $(PY) -m codegen --schema schema.sql --queries ragkernel/sql/queries --out ragkernel/generated --runtime ragkernel --strict
export PYTHON

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup gen check-gen check-migrations lint-sql plans lint type test test-wheel test-sqlite test-all bench scale demo check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that the other targets need (PYTHON= chooses the interpreter)
	@echo "setup: $(VENV) is ready"

$(READY): pyproject.toml
	@set -e; python=$$(.ci/pythons first); \
	echo "setup: $(VENV) with $$($$python --version) from $$python"; \
	if [ -n "$$PYTHON" ] || ! $(PY) -c 'import sys, sqlite3, pip' 2>/dev/null; then $$python -m venv --clear $(VENV); fi; \
	$(PY) -m pip install -qq --disable-pip-version-check -e '.[dev]'; \
	touch $@

gen: $(READY) ## generate ragkernel/generated from schema.sql and ragkernel/sql/queries
	@$(GEN)

check-gen: $(READY) ## fail, with the differences, if the generated files are not what `make gen` writes
	@echo "check-gen"; $(GEN) --check

check-migrations: $(READY) ## fail, with the differences, if the migrations do not build schema.sql
	@echo "check-migrations"; $(PY) -m codegen diff --schema schema.sql --migrations ragkernel/sql/migrations --check

lint-sql: $(READY) ## doubtful places of schema.sql, slow plans, and plans that are not those of ragkernel/sql/plans.txt
	@echo "lint-sql"; $(LINT)

plans: $(READY) ## write ragkernel/sql/plans.txt anew: read the difference
	@$(LINT) --update-plans

lint: $(READY) ## ruff: rules and format
	@echo "lint"; $(PY) -m ruff check --quiet . && $(PY) -m ruff format --quiet --check .

type: $(READY) ## mypy --strict over everything, generated code included
	@echo "type"; $(PY) -m mypy

# The coverage report comes first and pytest's summary last, so that the last line says how the tests ended.
test: $(READY) ## all tests, with branch coverage of the hand-written runtime
	@set -eo pipefail; $(PY) -m coverage erase; \
	$(PY) -m coverage run -m pytest $(ARGS) | tee .coverage-output; \
	$(PY) -m coverage combine --quiet; \
	$(PY) -m coverage report; \
	tail -n 1 .coverage-output

test-wheel: $(READY) ## build the wheel, install it into empty environments, run the tests against it there
	@.ci/test-wheel $(PY) $(ARGS)

# Left out: what starts the command line, which runs on the machine's own SQLite.
test-sqlite: $(READY) ## the tests that depend on SQLite's version, on the SQLite that a wheel carries
	@echo "test-sqlite"; $(PY) -m tests.second_sqlite -q tests/codegen tests/core tests/events tests/generated \
		tests/operations $(ARGS)

test-all: ## all tests on each Python 3.11 to 3.13 of this machine
	@.ci/test-all $(ARGS)

bench: $(READY) ## measure against hand-written sqlite3
	@$(PY) -m pytest bench --benchmark-only $(ARGS)

scale: $(READY) ## ingest 100,000 small files and a file of 500 MB: time, memory, -wal (about 10 minutes)
	@$(PY) -m tests.ingest.large_files && $(PY) -m tests.ingest.scale

demo: $(READY) gen ## ingest real text (SRC=folder, or what every Python carries), query it, back it up, restore it
	@$(PY) bench/demo.py $(if $(SRC),"$(SRC)")

check: check-gen check-migrations lint-sql lint type test-wheel test-sqlite test ## what CI runs

clean: ## remove everything that the other targets made
	@rm -rf $(VENV) .venv-all build dist demo *.egg-info .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.benchmarks; find . -name __pycache__ -type d -prune -exec rm -rf {} +
