# Every command of the project. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install -qq --disable-pip-version-check --require-hashes

LOGIN ?= ledger_auditor
# `make demo PORT=8001`, `make demo ARGS=--fresh`
PORT ?= 8000
ARGS ?=
DEMO_DATA := .local/demo-postgres
DEMO_DATABASE := strata
# Parallel test processes.
JOBS ?= $(shell n=$$(nproc); echo $$((n > 8 ? 8 : n)))
# `make lock UPGRADE=--upgrade` takes newer versions than the locked ones.
UPGRADE ?=

.PHONY: demo
demo: .venv/demo.stamp ## Serve a believable registry on this machine; Ctrl-C stops it
	@# setpriv: it ends with make, whatever ends make.
	@exec setpriv --pdeathsig TERM -- $(BIN)/python manage.py demo --port $(PORT) $(ARGS)

.PHONY: test
test: .venv/dev.stamp browser ## Run every test on a real PostgreSQL of its own
	$(BIN)/python -m pytest -q -m browser -n $(JOBS) --dist worksteal
	$(BIN)/python -m pytest -q -m "not browser" -n $(JOBS)

.PHONY: check
check: export STRATA_DEBUG = 1
check: .venv/dev.stamp ## Format, lint, types, import contracts, migrations complete
	$(BIN)/ruff format --check --output-format concise .
	$(BIN)/ruff check --output-format concise .
	find templates -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --check --target-version 5.2
	$(BIN)/mypy
	$(BIN)/lint-imports
	# No database is needed: what makemigrations warns about is that it has none to look at.
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

.PHONY: format
format: .venv/dev.stamp ## Rewrite Python and templates in the agreed format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	find templates -name '*.html' -print0 | xargs -0 -r $(BIN)/djade --target-version 5.2

.PHONY: crash
crash: export LEDGER_TEST_KILLS ?= 20
crash: .venv/dev.stamp ## Kill PostgreSQL under load, many times, and look for lost certificates
	$(BIN)/python -m pytest -q -s -m crash

.PHONY: mutants
mutants: .venv/dev.stamp ## Remove each guard, constraint and REVOKE; a named test must fail
	$(BIN)/python -m tests.mutants

.PHONY: bench
bench: .venv/dev.stamp ## Measure speed against pgbench and write docs/performance.md
	$(BIN)/python -m tests.bench

.PHONY: psql
psql: .venv/demo.stamp ## Open the running demo's database; LOGIN=ledger_service for another login
	@$(BIN)/python -m ledgerdb.embedded $(DEMO_DATA) $(LOGIN) $(DEMO_DATABASE)

.PHONY: lock
lock: .venv/dev.stamp ## Lock requirements/*.in with hashes; UPGRADE=--upgrade takes newer versions
	for list in base demo dev; do \
	    $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	        --generate-hashes --no-emit-index-url --no-emit-find-links $(UPGRADE) \
	        --custom-compile-command "make lock" \
	        requirements/$$list.in -o requirements/$$list.txt || exit 1; \
	done
	@! grep -nE '://|--(extra-)?index|--find-links' requirements/*.txt

.PHONY: clean
clean: ## Remove the demo's data, the packages and every cache
	@! $(PYTHON) -c 'import os, sys; os.kill(int(open("$(DEMO_DATA)/postmaster.pid").readline()), 0)' \
	    2>/dev/null || { echo "The demo is running: stop it first."; exit 1; }
	@# Under root the data may live elsewhere, behind a link.
	if [ -L $(DEMO_DATA) ]; then rm -rf "$$(readlink $(DEMO_DATA))"; fi
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: browser
browser: .venv/dev.stamp
	@missing=(); \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium); \
	: "Playwright brings a node that wants one library which a bare Debian lacks."; \
	$(BIN)/playwright --version >/dev/null 2>&1 || missing+=(libatomic1); \
	[ $${#missing[@]} -eq 0 ] || .ci/apt "the browser tests" "$${missing[@]}"

$(BIN)/pip:
	@# Debian ships venv without the part that makes one.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/apt "the virtual environment" python3-venv
	$(PYTHON) -m venv .venv

.venv/demo.stamp: requirements/demo.txt | $(BIN)/pip
	@echo "Installing the packages of $<"
	@$(PIP) -r $<
	@touch $@

# The packages of dev.txt include those of demo.txt.
.venv/dev.stamp: requirements/dev.txt | $(BIN)/pip
	@echo "Installing the packages of $<"
	@$(PIP) -r $<
	@touch .venv/demo.stamp $@

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
