# `make` lists the commands. Each one sets up what it needs, in a virtual environment of its own.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
COMPILED := $(VENV)-compiled
# Of the Python in VENV; others may lie beside it.
WHEEL = dist/*-$(shell $(BIN)/python -c 'import sys; print("cp%d%d" % sys.version_info[:2])')-*.whl
PIP := -m pip install --quiet --disable-pip-version-check --constraint requirements.txt
INSTALL := $(BIN)/python $(PIP)

COMPILED_TESTS := tests/unit/handlers tests/unit/server tests/unit/websocket \
	$(foreach name,chat close_causes compression limits live_limits servers tls wire,tests/functional/test_$(name).py)

# A page that cannot be made stays as it was.
PRINT = $(BIN)/python -m app --print-$(1) > $(2).new && mv $(2).new $(2) || { rm -f $(2).new; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help start start-compiled start-config-service new-handler wheel test test-compiled conformance \
	bench microbench check lint types layers format docs requirements clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

start: $(VENV)/.start ## run the service; CONFIG=FILE for another static config
	@exec $(BIN)/python -m app $(if $(CONFIG),--config "$(CONFIG)")

start-compiled: $(COMPILED)/.start ## run it as it is installed from the wheel; CONFIG=FILE likewise
	@exec $(COMPILED)/bin/python -I -m app $(if $(CONFIG),--config "$(CONFIG)")

start-config-service: $(VENV)/.start ## run the config service; CONFIG=FILE likewise
	@exec $(BIN)/python -m app.config_service --config "$(or $(CONFIG),config/config_service.yaml)"

new-handler: $(VENV)/.start ## write a handler, its section and its test; NAME=weather-feed [URL_PATH=/weather]
	@$(BIN)/python -m app.scaffold $(if $(URL_PATH),--path "$(URL_PATH)") -- "$(NAME)"
	@$(MAKE) --no-print-directory docs

wheel: $(VENV)/.wheel ## build dist/*.whl, in which the path of a message is compiled: wants a C compiler
	@ls $(WHEEL)

test: $(VENV)/.test ## run the tests; ARGS="-k chat" for some of them
	$(BIN)/python -m pytest $(or $(ARGS),--numprocesses 3)

# Where there is no app/ but the installed one.
test-compiled: $(COMPILED)/.test ## run the tests of what is compiled; ARGS=... for others
	rm -rf build/compiled && mkdir -p build/compiled
	cp -R config docs tests *.json *.md pyproject.toml build/compiled
	$(COMPILED)/bin/python -I -c 'from app.websocket import messages as m; assert m.__file__.endswith(".so"), m'
	cd build/compiled && env -u PYTHONPATH $(abspath $(COMPILED))/bin/python -m pytest \
		-o cache_dir=$(CURDIR)/build/pytest_cache $(or $(ARGS),--numprocesses 3 $(COMPILED_TESTS))

conformance: $(VENV)/.test ## run the Autobahn suite on the chat; CASES="1.* 7.1.6" for some of it
	@$(BIN)/python -m conformance $(foreach case,$(CASES),'$(case)')

bench: $(VENV)/.bench ## measure the service beside others; ROUNDS=2, ARGS="--scenario c64 --seconds 1"
	-@$(MAKE) --no-print-directory $(COMPILED)/.start
	@$(BIN)/python -m benchmarks.compare --rounds $(or $(ROUNDS),5) --json benchmarks/results.json $(ARGS)

microbench: $(VENV)/.bench ## measure the codec, recv and send; ARGS="-k read" for some of it
	@$(BIN)/python -m pytest benchmarks/micro --benchmark-storage=$(VENV)/benchmarks \
		--benchmark-sort=name --benchmark-time-unit=us --benchmark-columns=min,median,iqr,rounds $(ARGS)

check: lint types layers ## check style, types and the direction of imports

lint: $(VENV)/.test ## check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test ## check types
	$(BIN)/mypy

layers: $(VENV)/.test ## check that imports go downwards only
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.test ## put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.start ## write docs/ and the schema anew
	$(call PRINT,static-config-reference,docs/static_config.md)
	$(call PRINT,dynamic-config-reference,docs/dynamic_config.md)
	$(call PRINT,config-schema,config/static_config.schema.json)

requirements: ## renew the exact versions in requirements.txt
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test,check,bench,wheel]'
	$(BIN)/python -m pip freeze --exclude-editable > requirements.txt

clean: ## remove the virtual environment and what tools have left
	rm -rf .venv* build dist .import_linter_cache .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache \
		.benchmarks benchmarks/results.json conformance/reports

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; name it: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.start: pyproject.toml requirements.txt | $(VENV)/.python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml requirements.txt | $(VENV)/.python
	$(INSTALL) --editable '.[test,check]'
	@touch $@ $(VENV)/.start

$(VENV)/.bench: pyproject.toml requirements.txt | $(VENV)/.python
	$(INSTALL) --editable '.[bench]'
	@touch $@ $(VENV)/.start

# By way of the source distribution: the compiler leaves its files there, not in app/, where Python would
# prefer them to what is written next.
# The folders, too: they are changed when a file is removed.
$(VENV)/.wheel: pyproject.toml README.md LICENSE $(shell find app -name __pycache__ -prune -o -print) | $(VENV)/.start
	@command -v cc >/dev/null || { echo "a C compiler is needed, and Python's headers: install gcc" >&2; exit 1; }
	$(INSTALL) --editable '.[wheel]'
	rm -f $(WHEEL)
	HATCH_BUILD_HOOKS_ENABLE=1 $(BIN)/python -m build
	@touch $@

$(COMPILED)/.start: $(VENV)/.wheel requirements.txt
	$(BIN)/python -m venv --clear $(COMPILED)
	$(COMPILED)/bin/python $(PIP) $(WHEEL)
	@touch $@

$(COMPILED)/.test: $(COMPILED)/.start
	$(COMPILED)/bin/python $(PIP) "$$(ls $(CURDIR)/$(WHEEL))[test]"
	@touch $@
