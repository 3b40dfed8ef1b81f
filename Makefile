# Everything installs into .venv; `make demo` and `make test` are all the set-up there is.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-fast faults coverage mutants check audit bench docs clean
demo: $(VENV)/.installed-demo
	$(BIN)/syneg demo

# All tests, a process per core. `test-fast` leaves out those marked slow: for everyday work, under a minute.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

test: $(VENV)/.installed-test
	$(PYTEST) -m "not faults"

# What may go wrong outside of syneg (docs/reliability.md). FAULTS=0: at every moment, not at 50 of a stage.
faults: $(VENV)/.installed-test
	$(PYTEST) -rP tests/faults

test-fast: $(VENV)/.installed-test
	$(PYTEST) -m "not slow and not faults"

# Of the quick tests; less than COVERED percent of the lines is an error.
COVERED ?= 95
coverage: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow" --cov=syneg_cli --cov-report=term-missing:skip-covered --cov-fail-under=$(COVERED)

# Speed and memory beside the peers of each step, written into docs/benchmarks.md. BENCH="mine train --avx2", or
# BENCH="--data FOLDER", says what; all of it takes half an hour and more.
BENCH ?=
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks --write $(BENCH)

# Small faults in what numbers and money depend on: which ones does no test notice? An hour and more.
mutants: $(VENV)/.installed-mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Known weaknesses of the installed libraries. Needs a network; what it finds is advice.
audit: $(VENV)/.installed-audit
	@$(BIN)/python -c "import requests; requests.head('https://api.osv.dev', timeout=20)" 2>/dev/null || \
	    { echo "make audit: api.osv.dev is not reached, so nothing was looked up; it needs a network."; exit 1; }
	$(BIN)/pip-audit --local --skip-editable --vulnerability-service osv

$(VENV)/.installed-%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	touch $@

# syneg.toml.example and docs/settings.md, from the declarations of the settings.
docs: $(VENV)/.installed-dev
	$(BIN)/python -c "from syneg_cli.stages.documents import write; write()"

clean:
	rm -rf $(VENV) syneg-demo dist build mutants .coverage
