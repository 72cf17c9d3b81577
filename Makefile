# `make` shows the targets. Everything happens in this folder: .venv has firth and its tools, build/ the C++ core.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2

CPP := $(wildcard $(foreach end,cpp hpp,src/firth/native/cpp/*/*.$(end) tests/*/*.$(end)))
SOURCES := pyproject.toml CMakeLists.txt src/firth/native/cpp/exports.map $(CPP) $(shell find src/firth -name '*.py')
FORMATTED := src tests examples benchmarks
ROOMS_OF_DEPENDENCIES := $(foreach room,test_readme.py formats/test_round_trip.py numerics estimators vectors cli,tests/$(room))
# Newer ones warn of what these old dependencies do, and warnings are errors.
TOOLS_OF_THE_TIME := 'pytest<9' 'click<8.4' 'pyparsing<3.2'
PROCESSOR_SETS := from firth.native.loader import instruction_sets_of_processor as sets; print(*sets())

.PHONY: help demo test test-all test-docs test-lower-bounds lint format native bench clients wheels sdist mutants golden fuzz \
  sanitize clean
.DEFAULT_GOAL := help

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.firth ## learn vectors from Python's own documentation, show neighbours (a minute; builds for this processor alone)
	@$(BIN)/python examples/demo.py

test: $(VENV)/.firth-test lint ## lint, types, and all tests but the slow ones (under ten minutes)
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

test-all: $(VENV)/.firth-test lint ## the slow tests too
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(VENV)/.firth-test ## ruff, mypy --strict, clang-format; changes nothing
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet || { $(BIN)/ruff format --diff --quiet | head -50; echo 'run `make format`'; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/clang-format --dry-run -Werror $(CPP)

format: $(VENV)/.firth-test ## ruff and clang-format, in place; the parameters for type checkers
	@PYTHONPATH=src $(BIN)/python tests/kernels/write_parameters.py
	@$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format --quiet; $(BIN)/clang-format -i $(CPP)

native: ## build the C++ core into the source tree (development: then PYTHONPATH=src runs the checkout)
	@mkdir -p build src/firth/native/lib
	@flock build/native.lock bash -ec 'PATH="$(abspath $(BIN)):$$PATH"; \
	  cmake -S . -B build/native -G Ninja -DCMAKE_BUILD_TYPE=Release >build/cmake.log; cmake --build build/native; \
	  for f in build/native/libfirth-*; do cp $$f src/firth/native/lib/.$$(basename $$f); mv src/firth/native/lib/.$$(basename $$f) src/firth/native/lib/$$(basename $$f); done'

bench: $(VENV)/.firth-bench ## side by side with gensim and scikit-learn, interleaved (FIRTH_DATA; half an hour)
	@$(BIN)/python benchmarks/corpus.py --rounds 3
	@for part in speed threads deterministic memory import peak; do $(BIN)/python benchmarks/training.py $$part --rounds 3; done
	@$(BIN)/python benchmarks/training.py speed --dims 300 --rounds 3
	@for loss in negative-sampling hierarchical-softmax; do \
	  $(BIN)/python benchmarks/training.py speed --architecture cbow --loss $$loss --rounds 3; done
	@$(BIN)/python benchmarks/training.py speed --loss hierarchical-softmax --rounds 3
	@$(BIN)/python benchmarks/vectors.py
	@$(BIN)/python benchmarks/formats.py
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/network.py
	@echo 'longer still: benchmarks/training.py whole, and accuracy; docs/benchmarks.md has what was measured'

test-docs: $(VENV)/.firth-test ## the examples of README and docs/, the links between the pages
	@$(BIN)/python -m pytest tests/test_readme.py $(wildcard tests/*/test_docs.py tests/*/*/test_docs.py) tests/examples

test-lower-bounds: ## the tests of the Python side with the oldest dependencies that pyproject.toml admits, in $(VENV)-oldest
	@$(PYTHON) -m venv $(VENV)-oldest
	@$(PYTHON) release/lower_bounds.py >$(VENV)-oldest/constraints.txt
	@$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(VENV)-oldest/constraints.txt \
	  '.[sklearn,plot,zstd,transport]' $(TOOLS_OF_THE_TIME) pytest-timeout hypothesis
	@$(VENV)-oldest/bin/python -m pytest -m "not slow" $(ROOMS_OF_DEPENDENCIES)

wheels: $(VENV)/.firth-wheels ## a wheel for each platform into dist/, compiled here and checked (half an hour; release/wheels.py)
	@$(BIN)/python release/wheels.py

sdist: $(VENV)/.firth-wheels ## the source distribution into dist/
	@$(BIN)/python -m build --sdist --outdir dist . >build/sdist.log || { cat build/sdist.log; exit 1; }

mutants: $(VENV)/.firth-test ## one-line faults, each of which must turn its test red
	@$(BIN)/python tests/mutants.py --workers $(WORKERS)

clients: $(VENV)/.firth ## programs of other people on firth, each in an environment of its own from PyPI (FIRTH_DATA)
	@$(BIN)/python tests/clients/run.py

golden: native ## write the golden runs anew, after a change that means to change numbers (tests/golden)
	@PYTHONPATH=src $(BIN)/python tests/golden/write.py

fuzz: $(VENV)/.firth-test ## 100,000 damaged files for every reader (ten minutes)
	@$(BIN)/python tests/formats/fuzz_readers.py --workers $(WORKERS)

sanitize: $(VENV)/.firth-test ## the native core under the address, undefined-behaviour and thread sanitizers
	@$(BIN)/python -m pytest -m "slow or not slow" tests/corpus/test_sanitizers.py tests/native/test_sanitizers.py

clean: ## remove what was built and made; .venv too
	rm -rf $(VENV) build dist demo-model demo-corpus.txt src/firth/native/lib
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests examples benchmarks -name __pycache__ -prune -exec rm -rf {} +

# Stamps: an edit of the sources installs firth again; the compiled objects stay in build/. The stamp .firth says that
# firth is installed, maybe with this processor's best instruction set alone. The stamp .firth-test says that firth is
# installed with all instruction sets, and with what its tests need; whatever makes .firth out of date makes .firth-test
# out of date too. One job at a time: the last installation is the one that stays.
.NOTPARALLEL:

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'firth needs Python 3.10 or later: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo 'the venv module is needed (Debian and Ubuntu: apt install python3-venv)' >&2; exit 1; }
	@touch $@

$(VENV)/.firth: $(SOURCES) | $(VENV)/.venv
	@sets=$$(PYTHONPATH=src $(BIN)/python -c '$(PROCESSOR_SETS)') || exit 1; only=$${sets##* }; \
	if [ -n "$$only" ]; then what="this processor's instruction set alone, $$only"; \
	else only=all; what='all instruction sets, since this processor has none that firth knows'; fi; \
	echo "installing firth into $(VENV): compiles the C++ core for $$what ..."; \
	SKBUILD_CMAKE_DEFINE=FIRTH_INSTRUCTION_SETS=$$only $(BIN)/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

$(VENV)/.firth-test: $(SOURCES) | $(VENV)/.venv
	@echo 'installing firth, compiled for all instruction sets, and what its tests need into $(VENV) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test]'
	@touch $@ $(VENV)/.firth

$(VENV)/.firth-bench: $(VENV)/.firth-test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test,bench]'
	@touch $@

$(VENV)/.firth-wheels: release/requirements.txt | $(VENV)/.venv
	@mkdir -p build
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
