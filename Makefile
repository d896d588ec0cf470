# Everything starts here. `make run` and `make test` set up what they need on a bare Debian machine.
SHELL := /bin/sh
PY := .venv/bin/python
SBIN := PATH="$$PATH:/usr/sbin:/sbin"
# Before anything is compared with what stands in .venv.
DROPPED := $(shell deploy/debian/drop-stale-venv.sh)

.PHONY: help run test test-unit test-backend test-one test-busy check bench faults docs new-backend docs-cli matrix coredns coredns-image lock image test-image test-systemd test-debian test-upgrade deb test-deb man dist clean tools-run tools-test

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 15

run: tools-run .venv/.run ## set up everything and start the service with a bundled BIND
	@deploy/first-config.sh
	@mkdir -p data && deploy/apparmor/allow-named.sh data
	@deploy/first-screen.sh
	@DADNS_STARTED_BY=make exec .venv/bin/dadns serve

test: tools-test .venv/.dev build/coredns ## all tests: fast ones first, then real name servers
	$(SBIN) $(PY) -m pytest -q -n 2 --dist loadfile tests/unit tests/component tests/cli tests/contract
	$(SBIN) $(PY) -m pytest -q -n 2 --dist loadfile tests/integration tests/e2e tests/deploy
	$(SBIN) $(PY) -m pytest -q -n 2 --dist loadfile tests/faults

test-unit: .venv/.dev ## the unit tests: no process, no event loop, fifteen seconds; for each save of a file
	ZONE_FACTOR=0.2 $(PY) -m pytest -q -n 2 --dist load tests/unit

test-backend: tools-test .venv/.dev $(if $(findstring coredns,$(BACKEND)),build/coredns) ## contract, integration and fault tests of one type of backend: BACKEND=nsd
	@test -n "$(BACKEND)" || { echo "which? make test-backend BACKEND=nsd"; exit 2; }
	$(SBIN) $(PY) -m pytest -q -n 2 --dist loadfile --backend "$(BACKEND)" tests/contract tests/integration tests/faults

# The fast folders need no program; of the others nobody can tell by the name which one they start.
test-one: .venv/.dev $(if $(filter tests/unit/% tests/component/%,$(T)),,tools-test build/coredns) ## one test, or one file, with all that it prints: T=tests/unit/test_log.py::NAME
	@test -n "$(T)" || { echo "which? make test-one T=tests/unit/zone/test_name.py"; exit 2; }
	$(SBIN) $(if $(filter tests/machine/%,$(T)),TEST_SYSTEMD=1) $(PY) -m pytest -v -s '$(T)'

test-busy: ## all tests while eight other processes keep the machine busy (tests/busy.sh COMMAND for some of them)
	tests/busy.sh $(MAKE) test

check: .venv/.dev ## format, lint, types, imports, known vulnerabilities of what is pinned
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) deploy/release/audit.py

bench: tools-run .venv/.dev ## benchmarks: a table and JSON (bench/results/latest.json)
	$(SBIN) $(PY) -m bench --json bench/results/latest.json

faults: tools-test .venv/.dev ## kill, fill, lock, hang, lie, 200 times; thousands of odd zones
	$(SBIN) FAULT_RUNS=200 $(PY) -m pytest -q --timeout 7200 --durations=0 tests/faults
	$(SBIN) ZONE_FACTOR=20 $(PY) -m pytest -q --timeout 3600 tests/contract/test_zone_daemons.py tests/unit/zone tests/component/zone

docs: .venv/.dev ## generated pages: configuration, log events, the life of a delivery
	PYTHONPATH=. $(PY) docs/generate.py

man: .venv/.dev ## the manual pages (docs/man), from the commands and the settings; `make docs` does it, too
	PYTHONPATH=. $(PY) -m docs.man

new-backend: .venv/.dev ## the skeleton of a backend (settings, class, rig, page), with its lines elsewhere: NAME=foo
	PYTHONPATH=. $(PY) -m docs.new_backend "$(NAME)"
	@$(MAKE) --no-print-directory docs

docs-cli: tools-test .venv/.dev ## docs/cli.md anew, from a session with every command on a real service
	$(SBIN) PYTHONPATH=. $(PY) -m docs.cli_session

matrix: tools-test .venv/.dev build/coredns ## the RR-type matrix anew, from a run against every name server
	$(SBIN) RECORD_MATRIX=1 $(PY) -m pytest -q tests/contract/test_rr_types.py tests/contract/test_coredns_answers.py
	PYTHONPATH=. $(PY) docs/generate.py

lock: ## pin the dependencies again, each in its newest version that fits (needs uv)
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock pyproject.toml
	uv pip compile -q --upgrade --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements-dev.lock pyproject.toml

image: ## the container image: docker, or podman where no engine runs (deploy/container/build.sh)
	@deploy/container/build.sh

coredns-image: .venv/bin/python ## the image of CoreDNS with our plug-ins (deploy/coredns/build-image.sh)
	@deploy/coredns/build-image.sh

test-image: image coredns-image tools-test .venv/.dev ## start those images as we document it, push to them, ask the name servers
	$(SBIN) TEST_IMAGE=directdnsonly:latest $(PY) -m pytest -q -s --timeout 600 tests/image

test-systemd: tools-test .venv/.dev ## boot a Debian in which our recipe has installed the service, and one with the package (root, minutes)
	@deploy/debian/install-tools.sh machine
	$(SBIN) TEST_SYSTEMD=1 $(PY) -m pytest -q -s --timeout 900 tests/machine

test-debian: ## another Debian, from nothing: make run, a push, a dig, the contract suite (RELEASE=trixie; root)
	@deploy/debian/try-release.sh $(RELEASE) $(TESTS)

test-upgrade: ## an installation of another Debian, upgraded: every zone as before, or named (FROM=bookworm TO="trixie forky" ZONES=2000 BACKENDS="bind nsd knot"; root)
	@ZONES="$(ZONES)" BACKENDS="$(BACKENDS)" deploy/debian/try-upgrade.sh $(or $(FROM),bookworm) $(or $(TO),trixie forky)

deb: .venv/.dev ## the Debian package in dist/, with an environment of its own (RELEASE=bookworm or trixie; root)
	@deploy/deb/build.sh $(or $(RELEASE),$(shell . /etc/os-release && echo $$VERSION_CODENAME))

test-deb: .venv/.dev ## build that package, install, push, upgrade, remove, purge it in a bare root (RELEASE=trixie; root)
	@deploy/deb/try-release.sh $(or $(RELEASE),$(shell . /etc/os-release && echo $$VERSION_CODENAME))

dist: .venv/.dev ## wheel, sdist, SBOM, licences and checksums in dist/
	$(PY) deploy/release/dist.py

clean: ## remove what was built; config/ and data/ stay
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

coredns: build/coredns ## CoreDNS with our plug-ins, from Go modules (Go 1.26, or the one of PyPI; a minute when nothing is cached)

build/coredns: $(shell find deploy/coredns -name '*.go' -o -name 'go.*') deploy/coredns/build.sh deploy/coredns/find-go.sh | .venv/bin/python
	@deploy/coredns/build.sh $@
	@touch $@

tools-run:
	@deploy/debian/install-tools.sh run

tools-test:
	@deploy/debian/install-tools.sh test

.venv/bin/python:
	@$$(deploy/debian/find-python.sh) -m venv .venv

# The package itself is found by a path file: no build step, nothing but the pinned packages is installed.
.venv/.run: requirements.lock pyproject.toml deploy/link-package.sh deploy/write-command.sh | .venv/bin/python
	@if [ ! -e .venv/.dev ]; then echo "Installing Python packages ..."; $(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock; fi
	@deploy/link-package.sh
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml deploy/link-package.sh deploy/write-command.sh | .venv/bin/python
	@echo "Installing Python packages ..."
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@deploy/link-package.sh
	@touch $@
