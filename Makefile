# make run     set up, then the main job on the shipped extracts
# make test    set up, then the tests
# The other targets stand below.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory --silent
PYTHON := .venv/bin/python
BOTH := -n 2 --dist loadfile
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
export LAKE_ROOT ?= .lake
# Without what Python keeps compiled, each process compiles the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-fast test-slow test-city test-crash browser lint bench bench-airflow airflow airflow-stop setup setup-dev clean

run: .venv/ready
	LAKE_INBOX="$${LAKE_INBOX:-tests/data/new_york}" $(PYTHON) -m jobs run

test: .venv/ready-dev
	$(PYTHON) -m pytest -q -m "not slow and not city and not crash" $(BOTH)

# Without a JVM, without Airflow, and nothing that takes seconds; a fifth of the generated examples.
test-fast: .venv/ready-dev
	$(PYTHON) -m pytest -q -m "not slow and not city and not crash and not spark and not programs and not long" --hypothesis-profile=fast $(BOTH)

test-slow: .venv/ready-dev browser
	$(PYTHON) -m pytest -q -m slow $(BOTH)

# The browser in which tests look at the report: the system's, installed where that is Debian and we may.
browser:
	for name in chromium chromium-browser google-chrome; do command -v $$name > /dev/null && exit; done; \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && echo "Installing Chromium ..." && apt-get -qq update \
	    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends chromium > /dev/null; } \
	    || echo "There is no Chromium here, and tests of the report will say so. As root: apt-get install chromium" >&2

# Ten nights of the invented city at each level of faults, in order and shuffled; an hour.
test-city: .venv/ready-dev
	$(PYTHON) -m pytest -q -m city -n 2

# Commands killed at every commit point, nights killed at 200 random times, disks that fill up or fail.
test-crash: .venv/ready-dev
	$(PYTHON) -m pytest -q -m crash tests/laws tests/faults -n 2

lint: .venv/ready-dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy --strict jobs dags
	$(PYTHON) -m jobs lint
	$(PYTHON) -m jobs lint --city optics_valley

# Airflow on this machine, on loopback; prints its address.
airflow: .venv/ready-dev
	LAKE_INBOX="$${LAKE_INBOX:-tests/data/new_york}" $(PYTHON) -m dags.local start

airflow-stop:
	$(PYTHON) -m dags.local stop

bench: .venv/ready-dev
	$(PYTHON) -m tests.bench

bench-airflow: .venv/ready-dev
	$(PYTHON) -m tests.bench.airflow

# Looks at every jar again, which the stamp does not.
setup: .venv/ready
	$(PYTHON) -m jobs.setup

setup-dev: .venv/ready-dev

# The lake (LAKE_ROOT) is data and stays.
clean:
	rm -rf .venv .setup .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find jobs dags tests -name __pycache__ -prune -exec rm -rf {} +

# From here on files are stamps: a rule runs again when what it reads is newer.

.venv/ready: .venv/packages conf/jars.txt jobs/setup.py jobs/archive.py
	echo "Preparing Java and Delta's jars (once) ..."
	$(PYTHON) -m jobs.setup
	touch $@

.venv/ready-dev: .venv/ready .venv/packages-dev
	touch $@

.venv/packages: requirements.lock .venv/uv
	$(call install,requirements.lock)
	touch $@

.venv/packages-dev: requirements-dev.lock .venv/packages
	$(call install,requirements-dev.lock)
	touch $@

# uv needs a fifth of pip's time. Where it cannot reach the packages, pip with the machine's own settings may.
define install
	echo "Installing $(1) ..."
	$(PYTHON) -m uv pip install --quiet --python $(PYTHON) --require-hashes --compile-bytecode -r $(1) \
	    || { $(PIP) -r $(1) && { $(PYTHON) -m compileall -q .venv/lib || true; }; }
endef

.venv/uv: requirements-dev.lock .venv/made
	awk '/^[^ ]/ { uv = /^uv==/ } uv' requirements-dev.lock > .venv/uv.lock
	$(PIP) -r .venv/uv.lock
	touch $@

FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))'

.venv/made:
	for python in python3 python3.14 python3.13 python3.12 python3.11 ""; do \
	    if [ -n "$$python" ] && "$$python" $(FITS) 2> /dev/null; then break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11 to 3.14 is needed; here is $$(python3 --version 2>&1)." >&2; exit 1; \
	fi; \
	if ! { $(PYTHON) $(FITS) && { $(PYTHON) -m pip --version || $(PYTHON) -m ensurepip; }; } > /dev/null 2>&1; then \
	    rm -rf .venv; \
	    "$$python" -m venv .venv > .venv.log 2>&1 || { cat .venv.log >&2; rm -rf .venv .venv.log; \
	        echo "Install the package python3-venv, then type the same command." >&2; exit 1; }; \
	    rm -f .venv.log; \
	fi
	touch $@
