# make            set up, then render the sample organisation's report
# make help       all targets
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := report
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.peernet-setup
EXTRAS := lab,ingest,engines,test,dev
WORKERS ?= 2
# The first interpreter that is there, starts, and is new enough (a shim may exist and refuse to start).
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	if "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo "$$p"; break; fi; done)

# Notebooks run in their own folder, so the folder of published data must not be relative.
ifneq ($(strip $(PEERNET_DATA)),)
export PEERNET_DATA := $(abspath $(PEERNET_DATA))
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export MPLBACKEND ?= agg
export OMP_NUM_THREADS ?= 2

.PHONY: help report setup lint types unit notebook-tests package licences test test-long test-engines \
	test-browser test-pythons notebooks lab bench lock format clean

report: setup  ## render the sample organisation's report (the default)
	@mkdir -p reports
	$(BIN)/peernet report notebooks/01_who_teaches_whom.ipynb -o reports/meridian.html
	@echo "The report is ready: open reports/meridian.html in a browser."

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 18

setup: $(STAMP)  ## make .venv with everything that the notebooks and tests need

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "peernet needs Python 3.11 or newer with venv; set PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(PY) || { echo "setup: making $(VENV) with $(PYTHON)"; "$(PYTHON)" -m venv $(VENV); }
	@scripts/install.sh $(PY) -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

lint: setup  ## ruff
	$(BIN)/ruff check .

types: setup  ## mypy --strict on the package
	$(BIN)/mypy

unit: setup  ## unit, property, reference, contract and short calibration tests
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --durations 10 tests

notebook-tests: setup  ## re-run every notebook and compare with what it shows
	$(PY) scripts/check_notebooks.py

package: setup  ## build sdist and wheel, install the wheel alone somewhere else, use it
	$(PY) scripts/smoke_package.py

licences: setup  ## no copyleft licence among what peernet cannot do without
	$(PY) scripts/check_licences.py

test: lint types unit notebook-tests licences package  ## everything that must hold before a change lands
	@echo "make test: all passed"

test-long: setup  ## full calibration runs; see docs/calibration
	PEERNET_HYPOTHESIS=long $(PY) -m pytest -q -n $(WORKERS) -m long tests

test-engines: setup  ## PySpark (with a Java runtime, 17 or later; left out without) and Dask
	@scripts/install.sh $(PY) -c constraints.txt -e '.[$(EXTRAS),cluster]'
	$(PY) -m pytest -q -m engines -rs tests

test-browser: setup  ## the rendered report in a headless Chromium
	$(PY) -m pytest -q -m browser tests

test-pythons: setup  ## the tests on the oldest and the newest Python found (ALL=1: on each of them)
	scripts/test_pythons.sh

notebooks: setup  ## run every notebook in place and keep what it shows
	$(PY) scripts/run_notebooks.py

lab: setup  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

bench: setup  ## speed and memory beside peers; prints ratios
	$(PY) benchmarks/run.py

lock: setup  ## write constraints.txt anew from pyproject.toml
	scripts/lock.sh

format: setup  ## let ruff tidy
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove everything that can be made again
	rm -rf $(VENV) .venv-* build dist .stamps .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
