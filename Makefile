# `make run` starts everything, `make test` tests everything; `make help` lists the rest.
# Needs Python 3.11 or newer and make; everything else comes into .venv.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run test test-cluster lint format soak bench pictures help clean

run: $(VENV)/.run ## install what is needed and start everything; Ctrl-C stops it (PORT, HOST, TTR_DATA_DIR)
	@exec $(VENV)/bin/ttr up $(if $(PORT),--port "$(PORT)") $(if $(HOST),--host "$(HOST)") $(if $(TTR_DATA_DIR),--data-dir "$(TTR_DATA_DIR)")

test: $(VENV)/.test ## run every test, on all cores
	$(PY) -m pytest -n auto --dist worksteal $(ARGS)

test-cluster: $(VENV)/.test ## the tests of the store, its scripts and the ping door on a Redis Cluster alone
	$(PY) -m pytest -n auto --dist worksteal --redis cluster tests/lua tests/store tests/ping $(ARGS)

lint: $(VENV)/.test ## check style, types, the direction of imports, and the Lua scripts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict ttr rq_jobs
	$(VENV)/bin/lint-imports
	@if command -v luacheck >/dev/null 2>&1; then \
	  echo "luacheck scripts/lua"; luacheck scripts/lua; \
	elif [ -n "$(CI)" ]; then \
	  echo "luacheck is missing, and must not be in CI." >&2; exit 1; \
	else \
	  echo "SKIPPED: the Lua scripts are not checked, luacheck is not installed (Debian: apt install lua-check)."; \
	fi

format: $(VENV)/.test ## put the code into its form
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

soak: $(VENV)/.test ## the long runs
	$(PY) -m pytest -m soak $(ARGS)

pictures: $(VENV)/.test ## take the README's pictures anew (needs Chromium)
	$(PY) -m tests.pictures

bench: $(VENV)/.test ## the measurements
	$(PY) -m tests.bench $(ARGS)

clean: ## remove .venv and the caches; the data directory stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist ttr.egg-info

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST))

# A stamp is written when its install has finished, so an interrupted one is done again. `-e` takes the code
# from this folder; it is installed again when pyproject.toml changes (commands, versions).
$(VENV)/.run: requirements.txt pyproject.toml | $(PY)
	@echo "Installing into $(VENV), once ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --use-pep517 -r requirements.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.test: requirements-test.txt $(VENV)/.run
	@echo "Installing what the tests need into $(VENV), once ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --use-pep517 -r requirements-test.txt
	@touch $@

$(PY):
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "There is no $(PYTHON). ttr needs Python 3.11 or newer: install it, or name it with 'make PYTHON=...'." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "ttr needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one with 'make PYTHON=...'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) can't make virtual environments (Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
