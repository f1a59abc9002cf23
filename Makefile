# Everything a person or CI does with the repository. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
BIN := .venv/bin
SERVICES := chassis registry review photo sync portal
PACKAGES := contracts $(addprefix services/,$(SERVICES)) deploy/local
TYPED := contracts $(SERVICES) local_stack nation sample tests deploy.local.tests $(foreach name,$(SERVICES),services.$(name).tests)
TESTS ?=
# What is broken or killed on purpose and waits for recovery: after the others, alone.
ALONE := $(patsubst %,services/chassis/tests/test_%.py,faults crashes service_processes) \
    $(patsubst %,tests/chaos/test_%.py,restored zombies network database_faults broker_faults power_cuts crash_points \
    nation login_storm tier_one)
# Three broken builds, each tried.
BY_ITSELF := tests/chaos/test_broken.py
ROSTER ?=
PHOTOS ?=
SCHOOL ?=
SEED ?=
MINUTES ?=
FAULTS ?=

.PHONY: help setup run test test-containers check bench chaos chaos-parts soak contracts clean \
        check-format check-lint check-types check-imports check-dependencies check-contracts check-domain check-files

help: ## list the targets
	@echo "make run               start everything, run the main job, keep it running until Ctrl-C"
	@echo "make run ROSTER=my.xlsx PHOTOS=my.zip   the same with a roster and photos of your own"
	@echo "                       (SCHOOL=2134012102 for a roster of that school that is not an .xlsx)"
	@echo "make run PORTAL_PORT=8481               with the portal on another port"
	@echo "make test              everything that CI runs (TESTS=path/or/-k for a part)"
	@echo "make check             the fast gate: format, lint, types, imports, dependencies, contracts, domain tests"
	@echo "make bench             print the benchmarks (BENCH=journey for one of them)"
	@echo "make chaos             an hour of faults under load, then a page of what held (SEED=7 goes on, MINUTES=10 is shorter)"
	@echo "make chaos-parts       the rig's other parts at the doses of tier 2: hours"
	@echo "make soak              people at work for twenty minutes, nothing broken: does anything grow? (MINUTES=5 is shorter;"
	@echo "                       FAULTS=20: something dies every twenty seconds; PUPILS=320000: a crowd, until they are there)"
	@echo "make test-containers   the tests that stand on servers, on containers of the official images, and a county's server"
	@echo "make contracts         write today's schemas after an event was changed"
	@echo "make clean             remove the stack's data (.local)"
	@echo "make setup             only set up .venv; every other target does it first"

setup:
	@deploy/setup

run: setup ## the stack and the main job
	@exec $(PY) -m local_stack up $(if $(ROSTER),--roster="$(ROSTER)") $(if $(PHOTOS),--photos="$(PHOTOS)") \
	    $(if $(SCHOOL),--school="$(SCHOOL)")

check: setup ## the fast gate, under a minute when warm
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-format check-lint check-types check-imports \
	    check-dependencies check-contracts check-files check-domain

check-format:
	@$(BIN)/ruff format --no-cache --check --quiet . && echo "format: as it should be"

check-lint:
	@$(BIN)/ruff check --no-cache --quiet . && echo "lint: clean"

check-types:
	@# In one run and by name: folders of tests have files of one name, and every one of them stands on tests.harness.
	@$(BIN)/mypy $(addprefix -p ,$(TYPED)) && echo "types: clean"

check-imports:
	@said=$$($(BIN)/lint-imports 2>&1) && echo "imports: one way" || { echo "$$said"; exit 1; }

check-dependencies:
	@for package in $(PACKAGES); do \
	    said=$$(cd $$package && $(CURDIR)/$(BIN)/deptry . 2>&1) || { echo "$$package: $$said"; exit 1; }; \
	done; echo "dependencies: declared"

check-contracts:
	@$(PY) -m contracts check contracts && echo "contracts: only grown"

check-files:
	@$(BIN)/shellcheck deploy/setup .ci/run && echo "scripts: clean"

check-domain:
	@$(PY) -m pytest -q -p no:cacheprovider tests/contract $(shell find services deploy -path '*/tests/*' -name 'test_*domain*.py' 2>/dev/null)

test: check ## everything that CI runs; what is broken on purpose comes last and alone, for it wants all cores
ifeq ($(TESTS),)
	@# Files that take minutes have few tests: named first and taken in this order, or one core would wait for the other.
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests deploy/local/tests services $(addprefix --ignore=,$(ALONE) $(BY_ITSELF))
	@$(PY) -m pytest $(ALONE)
else
	@$(PY) -m pytest $(TESTS)
endif

test-containers: setup
	@STACK=containers TESTCONTAINERS_RYUK_DISABLED=true $(PY) -m tests.harness.containers
	@STACK=containers TESTCONTAINERS_RYUK_DISABLED=true $(PY) -m pytest -m "not browser and not slow" $(TESTS)

bench: setup
	@$(PY) -m tests.performance $(BENCH)

chaos: setup ## tier 2 of the rig: up to an hour of faults; SEED=7 goes on with a run that was cut short
	@$(PY) -W ignore -m tests.chaos --tier 2 $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

chaos-parts: setup ## power cuts, races, fuzz and hostile files at the doses of tier 2, the others as they are; SEED=7, or the day
	@CHAOS_SEED=$(or $(SEED),$(shell date +%Y%m%d)) CHAOS_POWER_CUTS=150 CHAOS_BROKER_POWER_CUTS=50 CHAOS_RACES=5000 \
	    CHAOS_PARTITIONS=150 CHAOS_FUZZ_REQUESTS=1000000 CHAOS_MUTATED_FILES=5000 CHAOS_CRASHES=20 CHAOS_WAITING=40000 \
	    CHAOS_ALTERED=100 CHAOS_STRANGERS=20 CHAOS_STORM=60 CHAOS_AUDIT_ROWS=1000000 CHAOS_RESTORED=1000000 \
	    CHAOS_RECONCILED=9000000 \
	    $(PY) -m pytest -o timeout=0 \
	    $(or $(TESTS),$(filter-out %tier_one.py,$(wildcard tests/chaos/test_*.py)) tests/chaos/fuzz)

soak: setup ## people at work for twenty minutes (MINUTES=5), nothing broken (or FAULTS=20), or PUPILS=320000 of them: does anything grow?
	@$(PY) -W ignore -m tests.chaos.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(PUPILS),--pupils $(PUPILS))

contracts: setup
	@$(PY) -m contracts publish contracts
	@for service in registry review photo sync; do \
	    $(PY) -m $$service asyncapi --out=contracts/asyncapi/$$service.yaml || exit 1; \
	done
	@$(PY) -m contracts check contracts && echo "contracts: published"

clean: ## the stack's data; not the environment and not what was fetched
	@$(if $(wildcard $(PY)),$(PY) -m local_stack clean,rm -rf .local)
