# Everything installs into .venv; `make demo` and `make test` are all the set-up there is.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-fast faults check docs clean
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

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed-%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	touch $@

# syneg.toml.example and docs/settings.md, from the declarations of the settings.
docs: $(VENV)/.installed-dev
	$(BIN)/python -c "from syneg_cli.stages.documents import write; write()"

clean:
	rm -rf $(VENV) syneg-demo dist build
