# Two commands: `make dev` runs the platform, `make test` runs every test. `make help` lists the rest.

SHELL := /bin/bash
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/wac
# Outside the clone, so that clones share what is compiled.
export CARGO_TARGET_DIR ?= $(CACHE)/target

.DEFAULT_GOAL := help
.PHONY: help setup dev test ci tidy contracts bench-build clean-cache

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need (Debian; root or sudo only if something is missing)
	@ops/setup.sh test

dev: ## Build and run the whole platform on loopback; ARGS="--http-port 8080 …" for its options
	@ops/setup.sh build
	@cargo build --locked --bin wac
	@exec "$(CARGO_TARGET_DIR)/debug/wac" dev $(ARGS)

test: ## Run every test against a private PostgreSQL and a real Kafka; nothing is left running
	@ops/setup.sh test
	@cargo xtask test $(ARGS)

ci: ## What CI checks: format, lints, docs, tests, licences, house rules, contracts
	@ops/setup.sh test
	@cargo xtask ci

tidy: ## Check the house rules (crate edges, purity, migrations, words, sizes)
	@cargo xtask tidy

contracts: ## Write the generated JSON Schemas and the AsyncAPI document
	@cargo xtask contracts

bench-build: ## Build the optimised binary for `wac bench …`
	@ops/setup.sh build
	@cargo build --locked --release --bin wac
	@echo "$(CARGO_TARGET_DIR)/release/wac"

clean-cache: ## Remove everything this project has put into the cache directory
	@rm -rf "$(CACHE)"
