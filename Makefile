# Everything a contributor runs; `make` alone lists it. Set-up happens inside the targets that need it (scripts/setup.py).

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

python := .venv/bin/python
examples := $(patsubst %/main.tf,%,$(wildcard examples/*/main.tf))

# Set-up looks at the machine's own Terraform settings; every other run takes the provider from .tools, where set-up put it.
machine_settings := $(TF_CLI_CONFIG_FILE)
export TF_CLI_CONFIG_FILE := $(CURDIR)/.tools/terraform.rc
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.PHONY: help
help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Apply the module to a local AWS and send it findings [FINDINGS=DIR] [REPEAT=n] [TFVARS=FILE]
	@$(python) -m tests.demo $(if $(FINDINGS),--findings "$(FINDINGS)") $(if $(REPEAT),--repeat "$(REPEAT)") $(if $(TFVARS),--tfvars "$(TFVARS)")

.PHONY: test
test: lint check-package ## Run everything: lint, the package check, terraform test, pytest
	$(python) -m scripts.terraforms test . $(examples)
	$(python) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: fuzz
fuzz: setup ## Read, decide and tell 100,000 events that are damaged in every way
	TOCSIN_FUZZ_THOUSANDS=100 $(python) -m pytest tests/unit/findings/test_fuzz.py --maxfail 3 --numprocesses 2

.PHONY: bench
bench: setup ## Measure what Tocsin costs in time, writes and dollars, beside plain alternatives
	@$(python) -m tests.bench

.PHONY: lint
lint: checks ## Check style, types, Terraform and the tables of the README without running anything
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	terraform fmt -check -diff -recursive .
	$(python) -m scripts.terraforms validate . $(examples)
	tflint --recursive
	$(python) scripts/tables.py check
	$(python) scripts/scan.py

.PHONY: docs
docs: setup ## Write the tables of inputs and outputs into the README
	@$(python) scripts/tables.py write

.PHONY: package
package: setup ## Build lambda/dist/tocsin.zip and lambda/dist/dependencies.zip
	@$(python) scripts/package.py build

.PHONY: clean
clean: ## Remove everything that make made, .venv and .tools too
	rm -rf .venv .tools build lambda/tocsin.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name .git -prune -o \( -name .terraform -o -name __pycache__ -o -name .terraform.lock.hcl \) -prune -exec rm -rf {} +

# Not for every day.

.PHONY: setup checks
setup:
	@TF_CLI_CONFIG_FILE='$(machine_settings)' sh scripts/setup.sh
checks:
	@TF_CLI_CONFIG_FILE='$(machine_settings)' sh scripts/setup.sh checks

.PHONY: check-package
check-package: setup
	$(python) scripts/package.py check

.PHONY: lock # writes the lock files from what is wanted; LOCK=--upgrade takes newer versions. Needs uv and npm.
lock:
	for name in lambda/requirements requirements-dev $(basename $(wildcard scripts/requirements-*.in)); do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(LOCK) \
	    "$$name.in" --output-file "$$name.txt" || exit 1; \
	done
	cd scripts/asl-validator && npm $(if $(LOCK),update,install) --package-lock-only --ignore-scripts --no-audit --no-fund
