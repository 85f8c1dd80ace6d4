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

# -- tests -------------------------------------------------------------------------------------

KILLS ?= 1000
FAULTS ?= faults and not netbox
MINUTES ?= 10

test: .venv/.ready ## the whole fast suite, on the embedded NetBox and SQLite: no server needed
	@unset BERTH_TEST_NETBOX_URL; $(RUN)pytest -n 2 --dist loadfile -m "not netbox and not faults and not soak and not thorough and not terraform and not image and not deploy and not postgres" $(ARGS)

test-postgres: .venv/.ready ## the store and the operations on a PostgreSQL that is started for them; three replicas
	@unset BERTH_TEST_NETBOX_URL; $(RUN)pytest -n 2 --dist worksteal -m "postgres and not thorough" $(ARGS)

test-thorough: .venv/.ready ## random sequences, and deaths at every point, on the same: minutes
	@unset BERTH_TEST_NETBOX_URL; $(RUN)pytest -n 2 --dist worksteal -m "thorough and not postgres" $(ARGS)

test-faults: .venv/.ready ## break everything that can break, kill Berth KILLS=1000 times; SEED= repeats a run (root)
	@KILLS=$(KILLS) $(RUN)pytest -m "$(FAULTS)" tests/faults $(ARGS)
.PHONY: test test-postgres test-thorough test-faults

# -- what operators get -------------------------------------------------------------------------

test-image: .venv/.ready ## build the image and run it, closed as tightly as can be (root, buildah, podman)
	@$(RUN)pytest -m image tests/image $(ARGS)

test-deploy: .venv/.ready ## check what is in deploy/: schemas, sandboxing, alert rules, the dashboard
	@$(RUN)pytest -m deploy tests/deploy tests/release $(ARGS)

PYTHON_IMAGE ?=

release: .venv/.ready ## check and build VERSION=1.2.3 into dist/; with PYTHON_IMAGE=python@sha256:… the image too
	@test -n "$(VERSION)" || { echo "which one? make release VERSION=1.2.3" >&2; exit 1; }
	@$(RUN)python -m tools.release $(VERSION) $(if $(PYTHON_IMAGE),--image $(PYTHON_IMAGE))
.PHONY: test-image test-deploy release

# -- a real NetBox -----------------------------------------------------------------------------

NETBOX := tools/netbox-server

# Runs these tests against a NetBox of their own.
define on_netbox
	@export BERTH_NETBOX_INSTANCE=test-$$$$; unset BERTH_NETBOX_PORT; \
	trap '$(NETBOX) stop' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM HUP; \
	$(NETBOX) start && variables=$$($(NETBOX) env) && eval "$$variables" || exit 1; \
	$(RUN)pytest $(1) $(ARGS) || { status=$$?; $(NETBOX) logs; exit $$status; }
endef

test-netbox: .venv/.ready ## the tests against a real NetBox, which is started for them and stopped
	$(call on_netbox,$(wildcard tests/contract tests/netbox tests/end_to_end))

test-terraform: .venv/.ready ## real Terraform with Berth: on the embedded NetBox, then on a real one
	@unset BERTH_TEST_NETBOX_URL; $(RUN)pytest tests/terraform $(ARGS)
	$(call on_netbox,tests/terraform)

soak: .venv/.ready ## mixed load from 200 clients, with faults, for MINUTES=10; what grows that should not?
	@unset BERTH_TEST_NETBOX_URL; MINUTES=$(MINUTES) $(RUN)pytest -m soak tests/faults $(ARGS)
.PHONY: soak

test-faults-netbox: .venv/.ready ## kill the workers and the database of a real NetBox; FAULTS=faults: all that can break
	@export BERTH_NETBOX_INSTANCE=faults-$$$$; unset BERTH_NETBOX_PORT; \
	trap '$(NETBOX) stop' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM HUP; \
	$(NETBOX) start && variables=$$($(NETBOX) env) && eval "$$variables" || exit 1; \
	$(RUN)pytest -m "$(if $(filter command line,$(origin FAULTS)),$(FAULTS),faults and netbox)" tests/faults $(ARGS) || { status=$$?; $(NETBOX) logs; exit $$status; }

netbox-start: .venv/.ready ## start a real NetBox to try things with; then: eval "$(tools/netbox-server env)"
	@$(NETBOX) start

netbox-stop: ## stop it
	@$(NETBOX) stop
.PHONY: test-netbox test-terraform test-faults-netbox netbox-start netbox-stop

# -- the demonstration -------------------------------------------------------------------------

demo: .venv/.ready ## Berth in front of an embedded NetBox, on 127.0.0.1:$(PORT); Ctrl-C stops it
	@$(RUN)berth demo --port $(PORT) || test $$? -eq 130 # Ctrl-C is how it ends

demo-clean: ## forget what the demonstration remembers
	rm -rf .demo

openapi: .venv/.ready ## write the OpenAPI document anew
	$(RUN)berth openapi openapi

lint-openapi: ## lint the OpenAPI document (needs npm)
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true npm exec --yes --package=@redocly/cli@2.77.0 -- \
	  redocly lint --config openapi/redocly.yaml openapi/berth.v1.yaml openapi/berth.v1.json
.PHONY: demo demo-clean openapi lint-openapi

# -- measuring ---------------------------------------------------------------------------------

bench: .venv/.ready ## measure one Berth process (minutes), and write docs/benchmarks.md anew
	@$(RUN)python -m tools.bench emulator $(ARGS)

bench-netbox: .venv/.ready ## measure Berth against a real NetBox of its own (half an hour), and the same page
	@$(RUN)python -m tools.bench netbox $(ARGS)
.PHONY: bench bench-netbox
