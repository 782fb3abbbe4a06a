# Everything a contributor runs; `make` alone lists it. Set-up happens inside the targets that need it (scripts/setup.py).

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

python := .venv/bin/python

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
	terraform init -backend=false -input=false -upgrade -test-directory=tests/terraform >/dev/null
	terraform test -test-directory=tests/terraform
	$(python) -m pytest

.PHONY: lint
lint: tflint ## Check style, types and Terraform without running anything
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	terraform fmt -check -diff -recursive .
	$(python) scripts/validate.py . $(patsubst %/main.tf,%,$(wildcard examples/*/main.tf))
	tflint --recursive

.PHONY: package
package: setup ## Build lambda/dist/tocsin.zip and lambda/dist/dependencies.zip
	@$(python) scripts/package.py build

.PHONY: clean
clean: ## Remove everything that make made, .venv and .tools too
	rm -rf .venv .tools build lambda/tocsin.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name .git -prune -o \( -name .terraform -o -name __pycache__ -o -name .terraform.lock.hcl \) -prune -exec rm -rf {} +

# Not for every day.

.PHONY: setup tflint
setup:
	@TF_CLI_CONFIG_FILE='$(machine_settings)' sh scripts/setup.sh
tflint:
	@TF_CLI_CONFIG_FILE='$(machine_settings)' sh scripts/setup.sh tflint

.PHONY: check-package
check-package: setup
	$(python) scripts/package.py check

.PHONY: lock # writes the lock files from the .in files; LOCK=--upgrade takes newer versions. Needs uv.
lock:
	for name in lambda/requirements requirements-dev scripts/requirements-terraform; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(LOCK) \
	    "$$name.in" --output-file "$$name.txt" || exit 1; \
	done
