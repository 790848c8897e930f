# The Python package: lints, types, tests, its example on gunicorn, its wheel.

SUITES += test-python
LEAKS += leaks-python
BINDING_BENCHES += bench-python
PYTHON ?= python3
PYTHON_VENV := target/python/venv
PYTHON_RUFF := --config pyproject.toml . ../../examples/python
PYTHON_REQUIREMENTS := bindings/python/tests/requirements.txt

$(PYTHON_VENV)/installed.txt: $(PYTHON_REQUIREMENTS)
	@$(NEED) $(PYTHON)=python3
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(NEED) python3-venv-is-missing=python3-venv
	$(PYTHON) -m venv --clear $(PYTHON_VENV)
	$(PYTHON_VENV)/bin/python -m pip install --quiet -r $(PYTHON_REQUIREMENTS)
	cp $(PYTHON_REQUIREMENTS) $@

## make test-python           the Python package
.PHONY: test-python
test-python: debug-library $(PYTHON_VENV)/installed.txt
	@$(NEED) cc=gcc
	cd bindings/python && $(CURDIR)/$(PYTHON_VENV)/bin/ruff check $(PYTHON_RUFF)
	cd bindings/python && $(CURDIR)/$(PYTHON_VENV)/bin/ruff format --check $(PYTHON_RUFF)
	cd bindings/python && $(CURDIR)/$(PYTHON_VENV)/bin/mypy tidegate tests bench.py setup.py ../../examples/python
	cd bindings/python && timeout 900 $(CURDIR)/$(PYTHON_VENV)/bin/python -X dev -m pytest -q

## make leaks-python          a million calls of each kind from Python: memory stays flat
.PHONY: leaks-python
leaks-python: quick-library $(PYTHON_VENV)/installed.txt
	cd bindings/python && TIDEGATE_PROFILE=quick TIDEGATE_LEAK_CALLS=1000000 \
	    $(CURDIR)/$(PYTHON_VENV)/bin/python -m pytest -q -o faulthandler_timeout=7200 tests/test_leaks.py

## make bench-python          the Python package and the vendor's two, in ns per call
.PHONY: bench-python
bench-python: library $(PYTHON_VENV)/installed.txt
	TIDEGATE_LIBRARY=$(CURDIR)/$(LIBRARY) $(PYTHON_VENV)/bin/python bindings/python/bench.py
