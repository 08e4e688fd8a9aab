"""The built-in recipes: every one parses, makes sense, says what it needs, and holds the numbers that it says it holds."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from evals.benchmarks import make_benchmark
from rl_training.config_checks import problems
from rl_training.config_file import load_settings, recipes, settings_of
from rl_training.config_text import settings_text

NAMES = sorted(recipes())
YAML = sorted(path.name for path in next(iter(recipes().values())).parent.glob("*.yaml"))


def test_these_recipes_are_there() -> None:
    assert NAMES == ["embedded", "qwen-vl-7b-8gpu", "qwen-vl-7b-lora-1gpu", "tiny-cpu"]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_makes_sense_and_is_read_back_as_it_was(name: str) -> None:
    settings = load_settings(name)
    assert problems(settings) == []
    assert settings_of(tomllib.loads(settings_text(settings))) == settings
    assert settings.title
    assert "measured" in settings.needs
    assert settings.run.out == f"runs/{name}"
    assert all(folder.startswith(f"runs/{name}/") for folder in settings.sft.traces)


@pytest.mark.parametrize("name", NAMES)
def test_the_benchmarks_of_a_recipe_can_be_named(name: str) -> None:
    world = load_settings(name).world
    for bench in (*world.benches, *world.held_out):
        if bench.startswith("practice"):
            assert make_benchmark(bench).name
        else:
            assert bench.startswith("folder:data/")


def test_the_large_recipe_has_geovistas_published_numbers() -> None:
    settings = load_settings("qwen-vl-7b-8gpu")
    sft, grpo = settings.sft, settings.grpo
    assert (sft.optimiser.learning_rate, sft.batch, sft.max_tokens) == (1e-5, 32, 32768)
    assert sft.steps == -(-2000 // sft.batch)
    assert sft.optimiser.warmup_steps == sft.steps // 10
    assert (grpo.optimiser.learning_rate, grpo.optimiser.schedule, grpo.group, grpo.tasks) == (1e-6, "constant", 8, 64)
    assert grpo.steps == 12_000 // grpo.tasks
    assert (grpo.beta, grpo.epsilon, grpo.epsilon_high, grpo.scale, grpo.temperature) == (0.0, 0.2, 0.2, "group", 1.0)
    assert (grpo.max_new_tokens, grpo.max_tokens, grpo.optimiser.max_grad_norm) == (8192, 2 * 16384, 1.0)
    assert settings.world.max_turns == 6
    assert settings.world.max_calls == 5 + 2
    assert settings.model.max_pixels == 2048 * 1024
    assert settings.reward == {"levels": 1.0}
    assert (settings.run.save_every, settings.run.eval_every, settings.run.seed) == (10, 5, 42)


@pytest.mark.parametrize("name", YAML)
def test_an_accelerate_configuration_is_one(name: str) -> None:
    folder = next(iter(recipes().values())).parent
    told = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    assert told["num_processes"] == 8
    assert told["mixed_precision"] == "bf16"
    assert told["distributed_type"] in {"FSDP", "DEEPSPEED"}
    assert "Has not been run" in (folder / name).read_text(encoding="utf-8")
    assert name.split(".")[0] in NAMES


def test_fsdp_wraps_layers_that_the_model_has() -> None:
    folder = next(iter(recipes().values())).parent
    told = yaml.safe_load((folder / "qwen-vl-7b-8gpu.fsdp2.yaml").read_text(encoding="utf-8"))["fsdp_config"]
    assert told["fsdp_version"] == 2
    spec = importlib.util.find_spec("transformers")
    assert spec is not None
    assert spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0]) / "models" / "qwen2_5_vl" / "modeling_qwen2_5_vl.py"
    classes = set(re.findall(r"^class (\w+)", source.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(told["fsdp_transformer_layer_cls_to_wrap"].split(",")) <= classes
