# One environment in .venv, made with uv where it is there, else with venv and pip.

PYTHON ?= python3
VENV := .venv
EXPORT_VENV := .venv-export
OTHERS_VENV := .venv-others
PHOENIX_VENV := .venv-phoenix
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
SOURCES := pyproject.toml evaluators/pyproject.toml
ARGS ?=
# most tests wait for programs that they start, so that more processes than cores are of use
TEST_PROCESSES ?= 4

.DEFAULT_GOAL := all
.PHONY: all help demo stack test exports others phoenix peers check format lint types dashboards bench clean

all: format lint types test ## format, lint, type-check, test

help: ## list what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## run everything here and watch it (ARGS="--keep", ARGS="--with all")
	@$(BIN)/otel-llm demo $(ARGS)

stack: $(VENV)/.demo ## the demo through the real Collector, Prometheus and Alertmanager, fetched first
	@collector/install-servers.sh
	@$(BIN)/otel-llm demo --with all $(ARGS)

test: $(VENV)/.dev ## run every test (ARGS="-k stream")
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

exports: $(EXPORT_VENV)/.made ## what the tests of `models export` run in: torch and others, 5.6 GB

others: $(OTHERS_VENV)/.made ## the instrumentations of others that tests run beside ours

phoenix: $(PHOENIX_VENV)/.made ## a Phoenix server for the tests of backends, 624 MB

peers: ## the JavaScript exporters that tests send with; needs npm
	npm ci --silent --no-audit --no-fund --ignore-scripts --prefix tests/receive/js

check: $(VENV)/.dev ## what must be clean before a change lands, tests apart
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/otel-llm dashboards build --check

format: $(VENV)/.dev ## format the code and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix --exit-zero --quiet

lint: $(VENV)/.dev ## lint
	$(BIN)/ruff check

types: $(VENV)/.dev ## type-check
	$(BIN)/mypy

dashboards: $(VENV)/.dev ## generate the dashboard and the rules anew
	$(BIN)/otel-llm dashboards build

bench: $(VENV)/.dev ## the benchmarks, one after the other
	for each in instrument exit.py service.py evaluators.py; do $(BIN)/python benchmarks/$$each || exit 1; done

clean: ## remove the environment and what was built
	rm -rf $(VENV) $(EXPORT_VENV) $(OTHERS_VENV) $(PHOENIX_VENV) dist build .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "otel-llm needs Python 3.11 or newer; name one with PYTHON=python3.12" >&2; exit 1; }
ifdef UV
	@uv venv --quiet --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --upgrade pip
endif

ifdef UV
INSTALL := uv pip install --quiet --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet
endif

$(VENV)/.demo: $(SOURCES) | $(BIN)/python
	@echo "installing otel-llm and its parts into $(VENV) ..."
	@$(INSTALL) -e evaluators -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(SOURCES) | $(BIN)/python
	@echo "installing otel-llm, its parts and the development tools into $(VENV) ..."
	@$(INSTALL) -e evaluators -e '.[demo]' --group dev
	@touch $@ $(VENV)/.demo

# of its own: the plain environment is made in a minute and stays light
$(EXPORT_VENV)/.made: $(SOURCES) | $(BIN)/python
	@echo "installing otel-llm[export] into $(EXPORT_VENV), 5.6 GB ..."
ifdef UV
	@uv venv --quiet --allow-existing --python $(PYTHON) $(EXPORT_VENV)
	@uv pip install --quiet --python $(EXPORT_VENV)/bin/python -e evaluators -e '.[export]' pytest
else
	@$(PYTHON) -m venv $(EXPORT_VENV)
	@$(EXPORT_VENV)/bin/python -m pip install --quiet -e evaluators -e '.[export]' pytest
endif
	@touch $@

# each an environment of its own: an instrumentation that is installed is switched on by `otel-llm run`
OTHERS := openai opentelemetry-instrumentation-genai-openai opentelemetry-instrumentation-openai \
  opentelemetry-instrumentation-langchain openinference-instrumentation-openai logfire 'pydantic-ai-slim[openai]' \
  langchain-openai

$(OTHERS_VENV)/.made: pyproject.toml
	@echo "installing the instrumentations of others into $(OTHERS_VENV) ..."
ifdef UV
	@uv venv --quiet --allow-existing --python $(PYTHON) $(OTHERS_VENV)
	@uv pip install --quiet --python $(OTHERS_VENV)/bin/python -e . $(OTHERS)
else
	@$(PYTHON) -m venv $(OTHERS_VENV)
	@$(OTHERS_VENV)/bin/python -m pip install --quiet -e . $(OTHERS)
endif
	@touch $@

$(PHOENIX_VENV)/.made:
	@echo "installing Phoenix into $(PHOENIX_VENV), 624 MB ..."
ifdef UV
	@uv venv --quiet --allow-existing --python $(PYTHON) $(PHOENIX_VENV)
	@uv pip install --quiet --python $(PHOENIX_VENV)/bin/python 'arize-phoenix>=20.26'
else
	@$(PYTHON) -m venv $(PHOENIX_VENV)
	@$(PHOENIX_VENV)/bin/python -m pip install --quiet 'arize-phoenix>=20.26'
endif
	@touch $@
