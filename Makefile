# Thin: each target only calls what also works without make.

PYTHON ?= python3
TASKYARD = .venv/bin/taskyard

.PHONY: help up down status test check cluster cluster-down setup clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 21

up: setup  ## prepare this machine, run everything in the background, apply manifests/
	@$(TASKYARD) up --detach $(ARGS)

down:  ## stop everything, remove the containers (ARGS=--purge: the data, too)
	@if [ -x $(TASKYARD) ]; then $(TASKYARD) down $(ARGS); else echo "nothing to stop: there is no .venv"; fi

status: setup  ## which parts run
	@$(TASKYARD) status $(ARGS)

test:  ## all that CI runs
	@./.ci/run

check:  ## format, lint, types and the import rule; no tests
	@./.ci/run check

cluster: setup  ## three hosts in network namespaces, to look around in and to break (as root; Ctrl-D ends it)
	@.venv/bin/python -m chaos up

cluster-down: setup  ## removes what a `make cluster` that crashed left behind
	@.venv/bin/python -m chaos down

setup:  ## only the virtual environment
	@$(PYTHON) scripts/bootstrap.py

clean: down  ## the virtual environment and what tools cached
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .bootstrap.lock
