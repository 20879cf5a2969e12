# The commands of the project. Everything they need is set up by them: Python 3.11+ and git are enough.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV := .tools/bin/uv
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_LINK_MODE := copy

.PHONY: run test check lint bench clean install screenshots

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("Slipway needs Python 3.11 or newer; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

$(VENV)/.installed: $(UV) uv.lock pyproject.toml
	$(UV) sync --locked --quiet --python $$($(PYTHON) -c 'import sys; print(sys.executable)')
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -m portal.cli "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(BIN)/python" > $(BIN)/slipway
	@chmod +x $(BIN)/slipway
	@touch $@

install: $(VENV)/.installed

run: install ## the portal with a demo organisation on http://127.0.0.1:$PORT (8000)
	@SLIPWAY_DEMO=1 $(BIN)/python manage.py slipway_demo
	@SLIPWAY_DEMO=1 $(BIN)/gunicorn --config deploy/gunicorn.py idp.wsgi:application

test: install ## the whole suite: on SQLite, then what needs PostgreSQL on PostgreSQL
	$(BIN)/python -m pytest -n 3 -m "not postgres" $(ARGS)
	$(BIN)/python -m tests.services.run_with_postgres -n 2 -m postgres $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	SLIPWAY_TESTING=1 $(BIN)/python manage.py makemigrations --check --dry-run

check: lint test ## everything: lint, format, types, house rules, migrations, tests

bench: install ## the table of ratios of docs/benchmarks.md
	$(BIN)/python -m bench $(ARGS)

screenshots: install ## the pictures of the documentation, from a demo of their own
	$(BIN)/python -m tests.browser.screenshots

clean: ## everything that the other commands made, the demo's data included
	rm -rf $(VENV) .tools var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
