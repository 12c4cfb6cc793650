# `make` alone prints the commands. Everything runs in .venv, which script/setup makes.
.DEFAULT_GOAL := help
.PHONY: help catalogue site wheel lock setup check fmt lint contracts types test quick docs bench faults faults-long screenshots run

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup:
	@script/setup dev

run: ## start a development gateway (the same as script/run)
	@script/run

test: ## run the tests (the same as script/test)
	@script/test

quick: setup ## run the unit and dialect tests alone, on SQLite: about a minute
	.venv/bin/python -m pytest -n auto --dist worksteal \
		-m "not browser and not process and not postgresql" tests/unit tests/dialects

fmt: setup ## format the code and sort the imports
	.venv/bin/ruff check --select I --fix -q .
	.venv/bin/ruff format .

lint: setup ## check format and lint
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .

contracts: setup ## check who may import whom
	.venv/bin/lint-imports

types: setup ## check types (mypy --strict)
	.venv/bin/mypy

docs: setup ## write the generated reference pages again
	.venv/bin/python -m dragoman.cli.reference docs/reference

catalogue: setup ## collect the texts of the console in build/console.pot, for translators
	@mkdir -p build
	.venv/bin/pybabel -q extract -F babel.cfg -k lazy --project=Dragoman --no-wrap \
		-o build/console.pot src/dragoman/console src/dragoman/development

site: ## build the documentation as a site in build/site
	@script/site

wheel: ## build the wheel, the guide in it, and try it: build/wheels
	@script/check-wheel

lock: ## pin what the image holds, with hashes, and list its licences
	@script/lock
	.venv/bin/python script/licences

screenshots: setup ## take the pictures of the console in docs/screenshots again
	.venv/bin/python -m tests.console.screenshots

bench: setup ## run the benchmarks, a few minutes on an idle machine
	.venv/bin/python -m benchmarks

faults: setup ## show what the gateway survives, and write docs/reliability.md: minutes
	.venv/bin/python -m faults

faults-long: setup ## the same more often: about an hour
	.venv/bin/python -m faults --long

check: lint contracts types ## what "done" means: format, lint, contracts, types, reference pages, tests
	.venv/bin/python -m dragoman.cli.reference --check docs/reference
	script/test
