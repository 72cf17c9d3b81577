# `make` shows the targets. Everything happens in .venv; nothing outside this folder is touched.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help native
.DEFAULT_GOAL := help

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

native: ## build the C++ core into the source tree (development: then PYTHONPATH=src runs the checkout)
	@mkdir -p build src/firth/native/lib
	@flock build/native.lock bash -ec 'PATH="$(abspath $(BIN)):$$PATH"; \
	  cmake -S . -B build/native -G Ninja -DCMAKE_BUILD_TYPE=Release >build/cmake.log; cmake --build build/native; \
	  for f in build/native/libfirth-*; do cp $$f src/firth/native/lib/.$$(basename $$f); mv src/firth/native/lib/.$$(basename $$f) src/firth/native/lib/$$(basename $$f); done'
