# Everything that one does in a checkout. Each target sets up what it needs by itself.
PYTHON ?= python3
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help env demo demo-vm demo-deploy demo-rollback demo-down generate test test-full lint sanity unit molecule docs bench build release clean

help: ## show this
	@echo 'make demo starts a Debian server and puts an application on it; make test runs the tests.'
	@echo
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

env: ## make the Python environment .venv (PYTHON=... for another Python)
	@scripts/env

demo: env ## start a server (a container) and deploy the guestbook to it
	@.venv/bin/python scripts/demo.py up

demo-vm: env ## the same with a machine in QEMU, for whoever has no Docker; takes a quarter of an hour where there is no KVM
	@.venv/bin/python scripts/demo.py up-vm

demo-deploy: env ## deploy its next version under load, and count the failed requests
	@.venv/bin/python scripts/demo.py deploy

demo-rollback: env ## go back to the version before, under load
	@.venv/bin/python scripts/demo.py rollback

demo-down: ## remove the server
	@.venv/bin/python scripts/demo.py down

generate: env ## write specs, documentation and tables anew from the declared options
	@.venv/bin/python scripts/generate.py

test: env ## lint, sanity, unit and molecule
	@scripts/test

test-full: env ## the same with scenarios that take long, and with every Python that can run the newest Ansible, too
	@scripts/test-full

lint: env ## yamllint, ansible-lint, changelog fragments, documentation, spelling, types, shellcheck
	@scripts/test lint

sanity: env ## ansible-test sanity
	@scripts/test sanity

unit: env ## unit tests of the plugins
	@scripts/test unit

molecule: env ## all scenarios; one alone: .venv/bin/python scripts/molecule.py nginx
	@scripts/test molecule

docs: env ## the documentation as a site, in .cache/site; broken links and anchors are errors
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet
	@echo 'Open .cache/site/index.html, or: .venv/bin/python -m http.server --bind 127.0.0.1 --directory .cache/site'

bench: demo ## what a run, a deploy, nginx and hardening cost, and what visitors notice of deploys in a row (two hours)
	@.venv/bin/python scripts/bench.py
	@.venv/bin/python scripts/bench_deploy.py
	@.venv/bin/python scripts/bench_switch.py
	@.venv/bin/python scripts/bench_door.py
	@.venv/bin/python scripts/bench_fleet.py
	@.venv/bin/python scripts/bench_hardening.py

build: env ## the collection as a tarball
	@.venv/bin/ansible-galaxy collection build --force

release: env ## what is committed as a release, tried as those do who install it; publishes nothing
	@.venv/bin/python scripts/release.py

clean: demo-down ## remove what the targets above have made here (images stay)
	rm -rf .venv .cache .collections
