# SPDX-License-Identifier: BSD-3-Clause
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/pytest
PYTEST_ARGS ?=
FAULTS := $(BIN)/python -m tests.faults $(if $(WRITE),--write)
FAULTS_ARGS ?=
BENCH := $(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(LONG),--long) $(if $(WRITE),--write)
BENCH += $(if $(ONLY),--only '$(ONLY)')
BENCH_ARGS ?=
SEEDS ?= 5
SOAK_MINUTES ?= 30

.DEFAULT_GOAL := help
.PHONY: help demo playground test unit integration long faults chaos soak bench fuzz audit lint format type services clean

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev,playground]'
	@touch $@

demo: $(READY)  ## Alerts through Kafka into a Celery worker, before your eyes, in a minute
	@$(BIN)/python -m igwn_alert_celery.playground --demo

playground: $(READY)  ## The same, kept open for your own alerts and handlers
	@$(BIN)/python -m igwn_alert_celery.playground

test: lint type services  ## Everything: lint, types and all tests on real services
	$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

unit: $(READY)  ## The tests that need no service, in seconds
	$(PYTEST) tests/unit $(PYTEST_ARGS)

integration: $(READY) services  ## The tests on real Kafka, Redis and RabbitMQ
	$(PYTEST) tests/integration $(PYTEST_ARGS)

long: $(READY) services  ## The tests that take minutes each
	$(PYTEST) -m long $(PYTEST_ARGS)

faults: $(READY) services  ## Every fault on every task broker and pool (an hour; WRITE=1: docs/reliability.md)
	$(FAULTS) --jobs 2 table $(FAULTS_ARGS)

chaos: $(READY) services  ## Random faults that overlap, a minute for each of SEEDS=5 (WRITE=1)
	$(FAULTS) --jobs 2 chaos --seeds $(SEEDS) $(FAULTS_ARGS)

soak: $(READY) services  ## The same for SOAK_MINUTES=30; fails when a worker grows (WRITE=1)
	$(FAULTS) soak --minutes $(SOAK_MINUTES) $(FAULTS_ARGS)

bench: $(READY) services  ## Speed and cost, against today's way and the floor (hours; QUICK=1: minutes; WRITE=1)
	$(BENCH) $(BENCH_ARGS)

fuzz: $(READY) services  ## A hundred thousand wrong records through decode and enqueue, in minutes
	$(PYTEST) tests/integration/fuzz -m 'long or not long' -s $(PYTEST_ARGS)

audit: $(READY)  ## Known vulnerabilities of the dependencies (needs the network)
	@tests/services/audit.sh

lint: $(READY)  ## ruff, and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if grep -q '^\[tool\.importlinter\]' pyproject.toml; then $(BIN)/lint-imports; fi

format: $(READY)  ## Rewrite the files as `make lint` wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(READY)  ## mypy --strict
	$(BIN)/mypy

services:  ## What the tests start: installed as root, else named
	@tests/services/install.sh

clean:  ## Remove the environment and all caches
	rm -rf $(VENV) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
