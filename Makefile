# Every target sets up what it needs first. STACK names the Pulumi stack, else PULUMI_STACK, as `make env` sets it;
# without either it is `lab`, which needs no Docker.
STACK ?= $(or $(notdir $(PULUMI_STACK)),lab)
PYTHON := .venv/bin/python
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.SILENT:
.DEFAULT_GOAL := help

# The tiers of tests that this machine can run; `.ci/run` names them, so that none is left out unseen.
TIERS ?= unit $(shell [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ] && echo browser lab)
# So many processes run the tests, each with a lab of its own.
LABS ?= 2

# With `source`, what is missing is built here, even where its makers publish it.
BUILD ?=
export BUILD

ENV = $(PYTHON) -m tools env --stack $(STACK)
# Told by the kernel, as its folder may be deleted; it needs no package.
LAB_RUNS = [ "$$(uname -s)" = Linux ] && command -v python3 >/dev/null && \
	python3 -c 'from lab import host, layout; exit(not host.exists(layout.OWN))'
LAB = $(if $(filter lab,$(STACK)),$(PYTHON) -m lab,:)
# In two steps: an eval of what failed would succeed, and the command run in the user's own login.
IN_ENV = exports="$$($(ENV))" && eval "$$exports" &&

.PHONY: help setup early machine tools up down watch dashboard verify rollback preview deploy promote url env down-lab down-stack docker-tools test test-newest browser docs config-docs lab-test lab-test-down check bench proof dist clean-cache

help: ## Show this list
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# They have labs of their own, whatever stack the shell is set up for.
test test-newest lab-test lab-test-down bench proof docs: STACK = lab

setup: ## Install Debian's packages (for the lab) and the Python packages
	tools/bootstrap.sh $(STACK)

tools: setup ## Fetch or build every tool and image that is missing; BUILD=source: build them all
	$(PYTHON) -m tools build --stack $(STACK)

# What rules this machine out is said before anything is installed, as far as it is known then.
early:
	if [ $(STACK) = lab ] && command -v python3 >/dev/null; then python3 -m lab.early; fi

machine: early setup
	$(PYTHON) -m tools check --stack $(STACK)
	$(LAB) check

up: machine tools ## Start Minikube, Istio and the app, split the traffic and show it
	$(LAB) up
	$(IN_ENV) $(PYTHON) -m rollout up --stack $(STACK)
	$(IN_ENV) $(PYTHON) -m rollout watch --stack $(STACK) --plain --count 20
	$(IN_ENV) $(PYTHON) -m tools next --stack $(STACK) --url "$$(pulumi stack output url --stack $(STACK))"

watch: setup ## Watch the answers and the measured split, live
	$(IN_ENV) $(PYTHON) -m rollout watch --stack $(STACK)

dashboard: setup ## Show on a page of this machine what is true now, until Ctrl-C
	$(IN_ENV) $(PYTHON) -m rollout dashboard --stack $(STACK)

verify: setup ## Tell whether the stack is what its config says
	$(IN_ENV) $(PYTHON) -m rollout verify --stack $(STACK)

rollback: setup ## Go back to the last split that was proved
	$(IN_ENV) $(PYTHON) -m rollout rollback --stack $(STACK)

preview: tools ## Print what up would change, as Markdown; SINCE=revision: of every stack touched since
	$(IN_ENV) $(PYTHON) -m rollout preview $(if $(SINCE),--changed-since $(SINCE),--stack $(STACK)) \
		$(if $(PULL_REQUEST),--pull-request $(PULL_REQUEST))

deploy: machine tools ## Make the stack what its config says, and verify it
	$(IN_ENV) $(PYTHON) -m rollout up --stack $(STACK)
	$(IN_ENV) $(PYTHON) -m rollout verify --stack $(STACK)

promote: STACK = $(or $(TO),lab)
promote: tools ## Carry the versions that serve in stack FROM to the config of stack TO
	$(IN_ENV) $(PYTHON) -m rollout promote $(FROM) $(TO)

url: setup ## Print the gateway's address
	$(IN_ENV) pulumi stack output url --stack $(STACK)

env: setup ## Print exports for your shell: eval "$(make -s env)"
	$(ENV)

ifeq ($(STACK),lab)
down: ## Destroy the stack: for the lab's, remove its host and all on it; else ask first, CONFIRM=name without a terminal
	if [ -e .lab ] || { $(LAB_RUNS); }; then $(MAKE) --no-print-directory down-lab; \
	else echo "down: there is no lab here, so there is nothing to remove"; fi

# The cluster ends with its host, in seconds; then Pulumi only forgets it. No pulumi here: no stack yet.
down-lab: setup
	$(LAB) down
	if [ -x .tools/bin/pulumi ]; then $(IN_ENV) $(PYTHON) -m rollout down --stack $(STACK) --cluster-gone; fi
	$(PYTHON) -m tools stays
else
down:
	tools/confirm.sh $(STACK) $(CONFIRM)
	$(MAKE) --no-print-directory down-stack

down-stack: tools
	$(IN_ENV) $(PYTHON) -m rollout down --stack $(STACK)
endif

# Its own step, as nothing but tests needs one.
browser: setup ## Install Debian's Chromium, for the tests of the page
	command -v chromium >/dev/null || { apt-get update && apt-get install -y --no-remove --no-install-recommends chromium; }

docker-tools: tools
	$(PYTHON) -m tools build --docker

test: tools $(if $(filter browser extended pages,$(TIERS)),browser) $(if $(filter docker,$(TIERS)),docker-tools) ## Run the tests: the tiers unit, browser and lab, as far as this machine can run them
	echo "tiers: $(TIERS)"
	$(PYTHON) -m pytest -n $(LABS) --dist loadfile --durations 10 $(if $(SHUFFLE),--shuffle $(SHUFFLE)) \
		$(addprefix tests/,$(TIERS))

# Beside .venv, which has what was tested together.
test-newest: tools ## Run the unit tests and one lab file with the newest Pulumi SDK, whatever is pinned
	$(PYTHON) -m venv --clear .lab/newest
	.lab/newest/bin/python -m pip install --quiet -r requirements-dev.txt
	.lab/newest/bin/python -m pip install --quiet --upgrade --no-deps pulumi pulumi-kubernetes
	.lab/newest/bin/python -m pip list | grep -i pulumi
	.lab/newest/bin/python -m pytest -n $(LABS) --dist loadfile tests/unit
	# A newer pulumi-kubernetes asks for a provider of its own version, which is not built here.
	.lab/newest/bin/python -m pip install --quiet --no-deps "$$(grep ^pulumi-kubernetes== requirements.txt)"
	.lab/newest/bin/python -m pytest tests/lab/test_split_order.py

lab-test: tools $(if $(findstring tests/docker,$(T)),docker-tools) ## Run one test of the lab tier, T=file::test, on a lab that stays up; the next run starts at once
	LAB_TEST_KEEP=1 $(PYTHON) -m pytest $(T)

lab-test-down: setup ## Remove the lab that lab-test leaves up
	$(LAB) --dir .lab/test down
	$(LAB) --dir .lab/test-docker down

check: setup ## Check style, types and the GitHub workflows
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m basedpyright
	$(PYTHON) -m tools actionlint

bench: docker-tools ## Measure: one table of figures, side by side
	$(PYTHON) -m bench

proof: tools ## Prove that no change drops a request: every transition and fault under load
	$(PYTHON) -m proof

docs: browser ## Record the docs' sessions and pictures on the lab's stack, which `make up` has made
	command -v tmux >/dev/null || { apt-get update && apt-get install -y --no-remove --no-install-recommends tmux; }
	$(IN_ENV) $(PYTHON) -m harness.sessions
	$(IN_ENV) $(PYTHON) -m harness.pictures

dist: tools ## Build the wheel, the plugin's archive and the SDKs into dist/, the same bytes from the same commit
	$(PYTHON) -m tools release

config-docs: setup ## Write docs/config.md and docs/config.schema.json anew, from the model of the config
	$(PYTHON) -m rollout explain --markdown > docs/config.md
	$(PYTHON) -m rollout explain --schema > docs/config.schema.json

clean-cache: setup ## Delete the built tools and Go's caches of this project
	$(PYTHON) -m tools clean
