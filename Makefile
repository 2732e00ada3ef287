# Everything runs from .venv, which is set up on first use. Needs only make and Python 3.11 or newer;
# choose another interpreter with: make PYTHON=python3.12 check
PYTHON ?= python3

VENV := .venv
NODE := .node
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
# Where Python keeps no bytecode, the tests and every program that they start compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
STEP := @printf '\n==> %s\n'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo check format-check lint types imports test clients format cover fuzz bench picture clean distclean

help:
	@echo 'make demo       set up and open the demo'
	@echo 'make check      set up and run every check: format, lint, types, imports, tests'
	@echo 'make test       the tests alone'
	@echo 'make clients    the mock and the relay against the clients that people use: fetches them into .clients with pip and npm'
	@echo 'make cover      the tests, with the branch coverage of the core (must be 100 %)'
	@echo 'make fuzz       look for what breaks a law: 10 minutes a target, 100000 examples of all laws, or make FUZZ_SECONDS=60 fuzz'
	@echo 'make bench      the benchmarks: ours against a yardstick, as ratios'
	@echo 'make picture    draw the pictures in the README'
	@echo 'make format     format the code and sort the imports'
	@echo 'make clean      remove caches and build products'
	@echo 'make distclean  the same, and the environment in .venv'

# The stamps are written last, so a set-up that was cut short is done again.
$(VENV)/.created:
	$(STEP) 'create $(VENV)'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "streamscope needs Python 3.11 or newer. Name one: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.created
	$(STEP) 'install streamscope into $(VENV)'
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.created
	$(STEP) 'install streamscope and its development tools into $(VENV)'
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $@

# The mock and the relay are tested with clients in TypeScript as well, where npm can fetch them; these
# tests are skipped where it cannot.
$(NODE)/.tried-sdk-and-ai: $(VENV)/.created
	$(STEP) 'fetch clients in TypeScript into $(NODE), if there is npm'
	@mkdir -p $(NODE)
	@command -v npm > /dev/null || echo 'no npm: their tests will be skipped'
	@! command -v npm > /dev/null || timeout 120 npm install --silent --no-audit --no-fund --no-save --prefix $(NODE) '@anthropic-ai/sdk@1' ai@6 '@ai-sdk/anthropic@3' || echo 'not fetched: their tests will be skipped'
	@touch $@

demo: $(VENV)/.installed
	@$(VENV)/bin/streamscope demo

# Types and imports are checked beside the tests, which leave a core idle now and then.
check: format-check lint
	@$(MAKE) --no-print-directory types imports & beside=$$!; \
	$(MAKE) --no-print-directory test; tests=$$?; \
	wait $$beside || { echo 'mypy or lint-imports failed: see above'; exit 1; }; exit $$tests
	$(STEP) 'all checks passed'

format-check: $(VENV)/.installed-dev
	$(STEP) 'ruff format --check'
	@$(PY) -m ruff format --check .

lint: $(VENV)/.installed-dev
	$(STEP) 'ruff check'
	@$(PY) -m ruff check .

types: $(VENV)/.installed-dev
	$(STEP) 'mypy --strict'
	@$(PY) -m mypy --strict tui tests

imports: $(VENV)/.installed-dev
	$(STEP) 'lint-imports'
	@$(VENV)/bin/lint-imports

test: $(VENV)/.installed-dev $(NODE)/.tried-sdk-and-ai
	$(STEP) 'pytest'
	@STREAMSCOPE_NODE_MODULES=$(CURDIR)/$(NODE)/node_modules $(PY) -m pytest -n 4 --dist loadgroup

# What it installs comes from a package registry, so it is no part of the checks.
clients: $(VENV)/.installed-dev
	$(STEP) 'clients against the mock, and through the relay'
	@$(PY) -m tests.clients

cover: $(VENV)/.installed-dev
	$(STEP) 'pytest, branch coverage of tui/core'
	@$(PY) -m pytest -n 4 --dist loadgroup --cov=tui.core --cov-branch --cov-fail-under=100

# Targets are the modules in tests/fuzz, and `laws`: every law and sweep of the tests.
# One alone: make FUZZ=history fuzz
FUZZ_SECONDS ?=
FUZZ ?=
fuzz: $(VENV)/.installed-dev
	$(STEP) 'fuzz'
	@$(PY) -m tests.fuzz $(if $(FUZZ_SECONDS),--seconds $(FUZZ_SECONDS)) $(FUZZ)

bench: $(VENV)/.installed-dev
	$(STEP) 'benchmarks'
	@$(PY) -m tests.bench

format: $(VENV)/.installed-dev
	$(STEP) 'ruff format'
	@$(PY) -m ruff check --select I --fix .
	@$(PY) -m ruff format .

picture: $(VENV)/.installed-dev
	$(STEP) 'pictures'
	@mkdir -p docs
	@$(PY) -m tests.picture docs

clean:
	rm -rf build dist htmlcov .coverage .coverage.* snapshot_report.html
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find tui tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(NODE) .clients
