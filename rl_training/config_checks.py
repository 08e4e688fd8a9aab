"""What makes no sense in settings that are well-formed: ranges, names, and fields that contradict each other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import prompts
from rl_training.config import (
    KNOWN_READERS,
    GrpoSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    SftSettings,
    TrainSettings,
    WorldSettings,
)
from rl_training.config_file import ConfigError

_SHOWN = 5


def check(settings: TrainSettings) -> None:
    """Raises ConfigError with one line that lists what makes no sense."""
    found = problems(settings)
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ConfigError("; ".join(found[:_SHOWN]) + more)


def problems(settings: TrainSettings) -> list[str]:
    """Each in a few words, with the path of the field."""
    infinite = list(_not_finite(settings, ""))
    if infinite:
        return infinite
    return [
        *_model(settings.model),
        *_world(settings.world),
        *_sft(settings.sft),
        *_reward(settings.reward),
        *_grpo(settings.grpo),
        *_run(settings.run, settings.world),
    ]


def _not_finite(value: Any, path: str) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _not_finite(getattr(value, field.name), f"{path}.{field.name}" if path else field.name)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _not_finite(item, f"{path}.{name}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path} is {value}"


def _model(model: ModelSettings) -> Iterator[str]:
    if not model.base:
        yield "model.base is empty: embedded, tiny, a folder or a repository"
    yield from _one_of("model.train", model.train, "lora", "full")
    yield from _one_of("model.dtype", model.dtype, "float32", "bfloat16")
    yield from _one_of("model.prompt", model.prompt, *prompts.names())
    yield from _one_of("model.tools_as", model.tools_as, "schemas", "names")
    yield from _one_of("model.images_in", model.images_in, "tool", "user")
    yield from _within("model.result_chars", model.result_chars, 0, 10_000_000)
    yield from _within("model.lora_rank", model.lora_rank, 1, 1024)
    yield from _within("model.lora_alpha", model.lora_alpha, 1, 4096)
    yield from _within("model.lora_layers", model.lora_layers, 0, 1000)
    yield from _within("model.max_pixels", model.max_pixels, 56 * 56, 4096 * 4096)


def _world(world: WorldSettings) -> Iterator[str]:
    if not world.benches or not all(world.benches):
        yield "world.benches names no benchmark to learn from"
    if both := sorted(set(world.benches) & set(world.held_out)):
        yield f"{both[0]} is both learned from (world.benches) and held out (world.held_out)"
    if len(world.curriculum) > len(world.benches):
        yield f"world.curriculum has {len(world.curriculum)} numbers for {len(world.benches)} benchmarks"
    elif len(world.curriculum) == len(world.benches) and world.curriculum and min(world.curriculum) > 0:
        yield "world.curriculum draws from no benchmark at step 0"
    if any(step < 0 for step in world.curriculum):
        yield "world.curriculum has a step below 0"
    yield from _one_of("world.reader", world.reader, "ocr", *KNOWN_READERS)
    real = [bench for bench in (*world.benches, *world.held_out) if bench.partition(":")[0] != "practice"]
    if world.reader in KNOWN_READERS and real:
        yield f"world.reader = {world.reader} is for drawn scenes alone, and {real[0][:60]} is not of the practice world"
    yield from _within("world.max_turns", world.max_turns, 1, 100)
    yield from _within("world.max_calls", world.max_calls, 0, 1000)
    yield from _within("world.at_once", world.at_once, 1, 4096)
    for name in ("max_seconds", "think_seconds"):
        if not getattr(world, name) > 0:
            yield f"world.{name} is not above 0"


def _optimiser(of: str, optimiser: OptimiserSettings, steps: int) -> Iterator[str]:
    path = f"{of}.optimiser"
    if not 0.0 < optimiser.learning_rate <= 1.0:
        yield f"{path}.learning_rate is {optimiser.learning_rate:g}: above 0, at most 1"
    if not 0 <= optimiser.warmup_steps <= steps:
        yield f"{path}.warmup_steps is {optimiser.warmup_steps}: from 0 to the {steps} steps"
    yield from _one_of(f"{path}.schedule", optimiser.schedule, "constant", "linear", "cosine")
    if optimiser.weight_decay < 0.0:
        yield f"{path}.weight_decay is below 0"
    if not optimiser.max_grad_norm > 0.0:
        yield f"{path}.max_grad_norm is not above 0"
    yield from _within(f"{path}.micro_batch", optimiser.micro_batch, 1, 100_000)


def _sft(sft: SftSettings) -> Iterator[str]:
    yield from _within("sft.steps", sft.steps, 1, 10_000_000)
    yield from _within("sft.batch", sft.batch, 1, 100_000)
    yield from _within("sft.max_tokens", sft.max_tokens, 64, 1_000_000)
    yield from _optimiser("sft", sft.optimiser, sft.steps)


def _reward(weights: Mapping[str, float]) -> Iterator[str]:
    if not weights:
        return
    from rl_training.reward import RewardError, checked_weights

    try:
        checked_weights(weights)
    except RewardError as error:
        yield f"[reward]: {error}"


def _grpo(grpo: GrpoSettings) -> Iterator[str]:
    yield from _within("grpo.steps", grpo.steps, 1, 10_000_000)
    yield from _within("grpo.tasks", grpo.tasks, 1, 100_000)
    if not 2 <= grpo.group <= 1024:
        yield f"grpo.group is {grpo.group}: an advantage needs at least 2 rollouts of a task (at most 1024)"
    yield from _one_of("grpo.loss", grpo.loss, "dapo", "dr_grpo", "grpo", "gspo")
    if not 0.0 < grpo.epsilon < 1.0:
        yield f"grpo.epsilon is {grpo.epsilon:g}: between 0 and 1"
    if grpo.epsilon_high < grpo.epsilon:
        yield f"grpo.epsilon_high ({grpo.epsilon_high:g}) is below grpo.epsilon ({grpo.epsilon:g})"
    if grpo.beta < 0.0:
        yield "grpo.beta is below 0"
    yield from _one_of("grpo.scale", grpo.scale, "none", "batch", "group")
    yield from _within("grpo.resample", grpo.resample, 0, 100)
    if grpo.equal_within < 0.0:
        yield "grpo.equal_within is below 0"
    yield from _one_of("grpo.unfinished", grpo.unfinished, "penalise", "exclude")
    if not 0.0 < grpo.temperature <= 2.0:
        yield f"grpo.temperature is {grpo.temperature:g}: above 0, at most 2"
    if not 0.0 <= grpo.min_p < 1.0:
        yield f"grpo.min_p is {grpo.min_p:g}: at least 0, below 1"
    yield from _within("grpo.max_tokens", grpo.max_tokens, 64, 1_000_000)
    yield from _within("grpo.max_new_tokens", grpo.max_new_tokens, 1, grpo.max_tokens)
    yield from _optimiser("grpo", grpo.optimiser, grpo.steps)


def _run(run: RunSettings, world: WorldSettings) -> Iterator[str]:
    if not run.out:
        yield "run.out is empty: the folder of the run"
    yield from _one_of("run.backend", run.backend, "trl", "accelerate")
    yield from _within("run.seed", run.seed, 0, 2**32 - 1)
    yield from _within("run.save_every", run.save_every, 0, 10_000_000)
    yield from _within("run.keep", run.keep, 1, 10_000)
    yield from _within("run.threads", run.threads, 0, 1024)
    yield from _within("run.eval_every", run.eval_every, 0, 10_000_000)
    if run.eval_every and not world.held_out:
        yield "run.eval_every asks for evaluations, and world.held_out names no benchmark"


def _one_of(path: str, value: str, *known: str) -> Iterator[str]:
    if value not in known:
        yield f"{path} is {value[:40]!r}: one of {', '.join(known)}"


def _within(path: str, value: int, least: int, most: int) -> Iterator[str]:
    if not least <= value <= most:
        yield f"{path} is {value}: from {least} to {most}"
