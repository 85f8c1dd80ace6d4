# Berth. `make help` lists the targets.
SHELL := /bin/sh
export UV_PYTHON_DOWNLOADS = never
PYTHON ?= $(shell sh tools/find-python)
UV := $(shell command -v uv || echo .tools/uv/bin/uv)
RUN := .venv/bin/
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# -- set-up ------------------------------------------------------------------------------------

.venv/.ready: pyproject.toml uv.lock
	@test -n "$(PYTHON)" || exit 1
	@command -v uv >/dev/null || test -x .tools/uv/bin/uv || \
	  { echo "installing uv into .tools/"; $(PYTHON) -m venv .tools/uv && .tools/uv/bin/pip install --quiet uv; }
	$(UV) sync --quiet --locked --python $(PYTHON)
	@touch $@

setup: .venv/.ready ## make .venv with everything the lock file names
.PHONY: setup

# -- checks ------------------------------------------------------------------------------------

check: .venv/.ready ## lint, types, layers, unused dependencies (what CI runs first)
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)deptry .
.PHONY: check
