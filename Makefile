# make demo   a forecast, a report and a model file from data that ships with the package
# make test   style, types and every test
# Both make the virtual environment and build the package first, and only what is out of date.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
PYTHON ?=
# -qq: errors only. What an index says about itself is no news.
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
STAMPS := $(VENV)/stamps

# What the built package is made of: when one of these is newer, it is built again.
SOURCES := pyproject.toml CMakeLists.txt README.md LICENSE \
	$(shell find native src -type f -not -path '*/__pycache__/*' -not -name '*.so' -not -name '*.pyc')

.PHONY: help demo test lint format sanitize clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMPS)/package ## train on two data sets that ship; leaves demo/*/forecast.csv, report.html, model.roll
	@$(VENV)/bin/python examples/demo.py --out demo

test: lint ## style, types and every test
	$(VENV)/bin/python -m pytest

lint: $(STAMPS)/package $(STAMPS)/test ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python

format: $(STAMPS)/test ## rewrite the Python files in the project's style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

sanitize: $(STAMPS)/build ## the engine under sanitizers and valgrind; about half an hour
	@PATH="$(abspath $(VENV))/bin:$$PATH" tests/native/sanitize.sh

clean: ## remove what was built and what the demo left
	rm -rf build dist demo $(STAMPS)/package .pytest_cache .ruff_cache .hypothesis

distclean: clean ## clean, and remove the virtual environment
	rm -rf $(VENV)

# The environment. An interpreter that is too old is passed over, and none at all is said plainly.
# pip is brought up to the first version that reads dependency groups.
$(STAMPS)/environment:
	@python=""; \
	for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
		if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "make: no Python 3.11 or newer with venv found; install one, or name it:" \
			"make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	[ -x "$(VENV)/bin/python" ] || { echo "making $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv "$(VENV)"; }
	@$(PIP) install -qq --upgrade 'pip>=25.1'
	@mkdir -p $(STAMPS) && touch $@

# Built without isolation, so that CMake finds the same tools each time and compiles only what changed.
$(STAMPS)/build: pyproject.toml | $(STAMPS)/environment
	@$(PIP) install -qq --group build
	@touch $@

$(STAMPS)/package: $(SOURCES) $(STAMPS)/build
	@echo "building rollcast"
	@PATH="$(abspath $(VENV))/bin:$$PATH" $(PIP) install -qq --no-build-isolation .
	@touch $@

$(STAMPS)/test: pyproject.toml constraints.txt | $(STAMPS)/environment
	@echo "installing what the tests need"
	@$(PIP) install -qq --group test --constraint constraints.txt
	@touch $@
