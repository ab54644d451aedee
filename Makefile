# Everything a newcomer needs. `make help` lists the commands.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
LOCAL_PACKAGES := -e contracts -e kit -e services/intake -e services/referral -e services/registry -e services/notification -e clients/field -e deploy/local
SOURCES := contracts kit services clients deploy tests
# Most tests wait for a broker, a database or a timeout: two at a time take half as long, also on two processors.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo up down status logs test lint format contracts release-contracts asyncapi bench chaos amnesia access erasure-drill simulate keycloak-test audit-drill clocks year parse-reports sync-storm deps-audit sbom containers-test requirements clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

# -- environment: pinned with hashes, made anew when a pin or a package changes ---------------------------------
PACKAGES := $(wildcard contracts/pyproject.toml kit/pyproject.toml services/*/pyproject.toml clients/*/pyproject.toml deploy/local/pyproject.toml)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "SLRT needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V). Set PYTHON=python3.x"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/local.stamp: $(BIN)/python requirements/local.txt $(PACKAGES)
	$(PIP) install -q --require-hashes -r requirements/local.txt
	$(PIP) install -q --no-deps --no-build-isolation $(LOCAL_PACKAGES)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/local.stamp requirements/dev.txt
	$(PIP) install -q --require-hashes -r requirements/dev.txt
	@touch $@

requirements: ## Resolve the dependencies anew and write requirements/*.txt
	uv lock $(UPGRADE)
	$(PYTHON) deploy/local/requirements.py

# -- the main job, on real parts ---------------------------------------------------------------------------------
demo: $(VENV)/local.stamp ## Set everything up, play the main job through the gateway, print "DEMO ok"
	@$(BIN)/slrt demo

up: $(VENV)/local.stamp ## Start the whole suite on this machine
	@$(BIN)/slrt up

down: ## Stop everything that `make up` or `make demo` started; data stays
	@if [ -x $(BIN)/slrt ]; then $(BIN)/slrt down; else echo "nothing was ever started here"; fi

status: $(VENV)/local.stamp ## Addresses, processes, logs and health of what runs
	@$(BIN)/slrt status

logs: $(VENV)/local.stamp ## The newest lines of every log
	@$(BIN)/slrt logs

# -- checks ------------------------------------------------------------------------------------------------------
test: $(VENV)/dev.stamp lint ## Everything that must hold: lint, all tests on real Kafka and PostgreSQL, then a whole stack; JOBS=2
	SLRT_TEST_REQUIRE=kafka,postgres $(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --ignore tests/e2e --ignore tests/keycloak
	SLRT_TEST_REQUIRE=kafka,postgres $(BIN)/pytest tests/e2e

keycloak-test: $(VENV)/dev.stamp ## The committed realm on the real Keycloak (fetched once, 164 MB; it takes a minute)
	$(BIN)/pytest -s tests/keycloak

lint: $(VENV)/dev.stamp ## Format, types, import rules, drift of generated files, compatibility with every release
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy contracts/src contracts/codegen contracts/generate.py kit/src services/*/src clients/*/src deploy/local/src
	$(BIN)/lint-imports
	$(BIN)/python contracts/generate.py --check
	$(BIN)/python kit/metrics_page.py --check
	$(BIN)/python kit/inventory_page.py --check
	$(BIN)/python kit/access_page.py --check
	$(BIN)/python kit/purposes_page.py --check
	$(BIN)/python kit/policy_page.py --check
	$(BIN)/python deploy/gateway/openapi.py --check

format: $(VENV)/dev.stamp ## Format the code
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

contracts: $(VENV)/dev.stamp ## Write schemas, AsyncAPI, OpenAPI and the reference pages anew
	$(BIN)/python contracts/generate.py
	$(BIN)/python kit/metrics_page.py
	$(BIN)/python kit/inventory_page.py
	$(BIN)/python kit/access_page.py
	$(BIN)/python kit/purposes_page.py
	$(BIN)/python kit/policy_page.py
	$(BIN)/python deploy/gateway/openapi.py

release-contracts: $(VENV)/dev.stamp ## Keep today's contracts as the released version of slrt-contracts, once
	$(BIN)/python contracts/generate.py --release

asyncapi: $(VENV)/dev.stamp ## Check the AsyncAPI document with the official parser (needs npm's registry)
	@command -v npm >/dev/null || $(PIP) install -q --require-hashes -r requirements/asyncapi.txt
	@$(BIN)/python -m contracts.codegen.official_parser

bench: $(VENV)/dev.stamp ## Measure beside anchors of the same run; ROWS=a,b runs some
	$(BIN)/python -m tests.perf.bench $(if $(ROWS),--rows $(ROWS))

chaos: $(VENV)/dev.stamp ## Kill processes of a whole stack at random, then compare all there is; KILLS=60 SEED=1
	$(BIN)/python -m tests.chaos.run --kills $(or $(KILLS),60) --seed $(or $(SEED),1)

amnesia: $(VENV)/dev.stamp ## The broker of a whole stack comes back with nothing; everything must be as it was; SEED=1
	$(BIN)/python -m tests.chaos.amnesia --seed $(or $(SEED),1)

erasure-drill: $(VENV)/dev.stamp ## Erase people, bring back an old backup, read all that today's keys open; PEOPLE=30
	$(BIN)/python -m tests.erasure.run --households $(or $(PEOPLE),30) --erased $$(( $(or $(PEOPLE),30) / 3 ))

deps-audit: $(VENV)/dev.stamp ## Look up every pinned package among the known vulnerabilities (needs PyPI itself, not every mirror has them)
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r requirements/local.txt
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r requirements/services.txt

sbom: $(VENV)/dev.stamp ## Write what each service image installs, as CycloneDX, to build/sbom
	$(BIN)/python deploy/sbom.py

access: $(VENV)/dev.stamp ## Everybody tries every door of a whole stack: each route, role, place and kind of case; SEED=1
	$(BIN)/python -m tests.access.run --seed $(or $(SEED),1)

simulate: $(VENV)/dev.stamp ## Play the backbone's code under a seeded scheduler with every fault; SEEDS=10000 SEED=0
	$(BIN)/python -m tests.simulation.run --seeds $(or $(SEEDS),10000) --first $(or $(SEED),0)

audit-drill: $(VENV)/dev.stamp ## Alter the sealed audit log in every way we know; a check must find each and say where; SEED=1
	$(BIN)/python -m tests.drills.audit --seed $(or $(SEED),1)

clocks: $(VENV)/dev.stamp ## Twenty days of deadlines while workers are killed at random; then every effect is counted; SECONDS=100 SEED=1
	$(BIN)/python -m tests.clocks.run --seconds $(or $(SECONDS),100) --seed $(or $(SEED),1)

year: $(VENV)/dev.stamp ## A year of one regency in warped time, to the same digit for a seed; SEED=1 WRITE=file for the figures
	$(BIN)/python -m tests.year.run --seed $(or $(SEED),1) $(if $(WRITE),--write $(WRITE))

# Standard output is the answers' alone, also when the environment has to be made first.
parse-reports: ## What the messages of a file hold, a JSON line for each {"id", "text"} line; FILE=texts.jsonl
	@test -n '$(FILE)' || { echo 'which file? make parse-reports FILE=texts.jsonl' >&2; exit 2; }
	@$(MAKE) -s --no-print-directory $(VENV)/local.stamp >&2
	@$(BIN)/slrt-intake parse-reports '$(FILE)'

sync-storm: $(VENV)/dev.stamp ## Devices in the field under drops, repeats, reordering and kills; 0 lost, 0 doubled; SCHEDULES=n SEED=1
	$(BIN)/python -m tests.field.storm --schedules $(or $(SCHEDULES),200) --seed $(or $(SEED),1)

-include deploy/containers.mk

clean: down ## Stop everything and remove the environment and all local state
	rm -rf $(VENV) .slrt build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
