# Every target sets up what it needs in .venv and .build, nothing else; no root, no global installs.
PYTHON ?= python3
ARGS ?=
export PYTHON NAMEPLATE_MICROPYTHON
NAMEPLATE = .venv/bin/nameplate

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench bench-diagnosis teeth soak proof image lock clean

help:  ## what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## a virtual fridge, a broker, a leak and an attack (ARGS="--once --json" for machines)
	@sh tools/setup.sh demo
	@$(NAMEPLATE) demo $(ARGS)

test:  ## every test (ARGS="host_tests/lib -k p256" for some)
	@sh tools/setup.sh test
	@.venv/bin/python -m pytest $(ARGS)

lint:  ## the checks that CI and pre-commit run
	@sh tools/setup.sh test
	@sh tools/checks.sh

bench:  ## measure; one JSON object a line
	@sh tools/setup.sh test
	@$(NAMEPLATE) bench $(ARGS)

teeth:  ## plant 23 bugs in sensors and diagnosis, one at a time: each must turn a test red; half a minute (ARGS="NAME ..." for some)
	@sh tools/setup.sh test
	@.venv/bin/python -m host_tests.teeth $(ARGS)

soak:  ## 10,000 heartbeats, 1,000 reconnects, 10,000 console lines; has the heap grown? twenty minutes
	@sh tools/setup.sh test
	@$(NAMEPLATE) bench soak $(ARGS)

bench-diagnosis:  ## 150 simulated appliance-years and every fault, judged by the device's code; twenty minutes (ARGS="--quick")
	@sh tools/setup.sh test
	@.venv/bin/python -m nameplate.bench.years $(ARGS)

proof:  ## run the command behind each claim of README.md, into docs/proof.md (ARGS="NAME ..." for some)
	@sh tools/setup.sh test
	@$(NAMEPLATE) proof $(ARGS)

image:  ## the flash image of the fridge, as .build/kf320.bin
	@sh tools/setup.sh demo
	@$(NAMEPLATE) factory image --model kf320 --out .build/kf320.bin

lock:  ## renew requirements/*.lock from pyproject.toml (needs uv)
	@sh tools/lock.sh

clean:  ## remove what the targets made
	rm -rf .venv .build node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
