"""A tiny vision-language model and episodes made by hand, for the tests of training."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rl_training.config import GrpoSettings, OptimiserSettings, RunSettings, SftSettings, TrainSettings
from rl_training.episode import Episode
from rl_training.reward import Reward


@functools.cache
def _folder() -> Path:
    from tests.tiny_models import save_tiny_qwen_vl

    folder = Path(tempfile.mkdtemp(prefix="geosleuth-tiny-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return save_tiny_qwen_vl(folder)


@functools.cache
def processor() -> Any:
    from agent.policies.transformers_vl import load_processor

    return load_processor(str(_folder()))


def model() -> Any:
    """The tiny model as saved, each time a new one."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    made = Qwen2_5_VLForConditionalGeneration.from_pretrained(_folder())
    made.generation_config.eos_token_id = processor().tokenizer.eos_token_id
    made.generation_config.pad_token_id = processor().tokenizer.pad_token_id
    return made


def picture(rng: np.random.Generator, width: int = 56, height: int = 28) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def image_ids(image: Image.Image) -> list[int]:
    """The tokens that stand for a picture, between their marks."""
    p = processor()
    grid = p.image_processor(images=[image], return_tensors="pt")["image_grid_thw"][0]
    tokens = p.tokenizer.convert_tokens_to_ids(["<|vision_start|>", "<|image_pad|>", "<|vision_end|>"])
    return [tokens[0], *[tokens[1]] * (int(grid.prod()) // p.image_processor.merge_size**2), tokens[2]]


def episode(
    seed: int,
    *,
    pictures: int = 2,
    turns: int = 2,
    reward: float | None = None,
    end: str = "answered",
    written: int = 5,
    group: int = 0,
) -> Episode:
    """Turns of read text, a picture while there are some, and written text that ends with the end of a turn."""
    rng, eos = np.random.default_rng(seed), processor().tokenizer.eos_token_id
    ids: list[int] = []
    mask: list[int] = []
    images: list[Image.Image] = []
    for turn in range(max(turns, pictures)):
        read = rng.integers(0, 256, int(rng.integers(3, 9))).tolist()
        if turn < pictures:
            images.append(picture(rng, int(rng.integers(28, 90)), int(rng.integers(28, 90))))
            read += image_ids(images[-1])
        wrote = [*rng.integers(0, 256, written - 1).tolist(), eos] if turn < turns else []
        ids += read + wrote
        mask += [0] * len(read) + [1] * len(wrote)
    scored = None if reward is None else Reward(reward, {"distance": reward, "format": None})
    steps = [{"tool": "zoom"}] * (seed % 2) + [{"tool": "answer"}]
    return Episode(
        task=f"t{seed}", ids=ids, mask=mask, logp=[0.0] * len(ids), images=images, end=end, trajectory={"steps": steps}, reward=scored,
        group=group,
    )  # fmt: skip


def groups(number: int, size: int, seed: int = 0) -> list[list[Episode]]:
    """Groups of one prompt each would be; rewards differ within a group."""
    rng = np.random.default_rng(seed)
    return [
        [episode(1000 * seed + 10 * g + k, reward=float(rng.random()), written=3 + k, group=g) for k in range(size)]
        for g in range(number)
    ]


def settings(backend: str = "accelerate", steps: int = 2, **grpo: Any) -> TrainSettings:
    optimiser = OptimiserSettings(learning_rate=1e-3, micro_batch=2)
    return TrainSettings(
        sft=SftSettings(steps=steps, batch=4, optimiser=optimiser),
        grpo=GrpoSettings(**{"steps": steps, "tasks": 2, "group": 3, "max_tokens": 512, "optimiser": optimiser, **grpo}),
        run=RunSettings(backend=backend, save_every=0, seed=3),
    )


def weights(made: Any) -> dict[str, Any]:
    return {name: p.detach().clone() for name, p in made.named_parameters()}


def sampled(made: Any, seed: int, *, turns: int, pictures: int, temperature: float) -> Episode:
    """An episode whose written tokens the model sampled (with its cache), turn after turn, and their log-probabilities."""
    import torch

    from rl_training.batch import model_inputs, to_batch

    rng = np.random.default_rng(seed)
    e = Episode(task=f"s{seed}", ids=[], mask=[], logp=[], images=[], end="answered")
    for turn in range(turns):
        read = rng.integers(0, 256, int(rng.integers(3, 12))).tolist()
        if turn < pictures:
            e.images.append(picture(rng, int(rng.integers(28, 90)), 56))
            read += image_ids(e.images[-1])
        e.ids, e.mask, e.logp = e.ids + read, e.mask + [0] * len(read), e.logp + [0.0] * len(read)
        new = int(rng.integers(3, 9))
        with torch.no_grad():
            out = made.generate(
                **model_inputs(to_batch([e], processor())), do_sample=True, temperature=temperature, top_k=0, top_p=1.0, max_new_tokens=new,
                min_new_tokens=new, suppress_tokens=None, output_logits=True, return_dict_in_generate=True,
            )  # fmt: skip
        wrote = out.sequences[0, len(e.ids) :].tolist()
        logp = [float((s[0] / temperature).log_softmax(-1)[token]) for s, token in zip(out.logits, wrote, strict=True)]
        e.ids, e.mask, e.logp = e.ids + wrote, e.mask + [1] * new, e.logp + logp
    return e


class Killed(Exception):
    """The machine went away."""


def source(model: Any, step: int, groups_: int, salt: int) -> list[list[Episode]]:
    """Other groups each step, and random numbers drawn as a sampler would."""
    import torch

    torch.rand(3)
    return groups(groups_, 3, seed=1 + step + 100 * salt)


def run(
    stage: str, settings: TrainSettings, out: Path, model: Any, killed_after: int | None = None, evaluate: Any = None, rollouts: Any = source
) -> list[dict[str, Any]]:  # fmt: skip
    """What training tells, on seven rows or the rollouts of `source`; with `killed_after` no step after that one is begun."""
    from rl_training.grpo import train_grpo
    from rl_training.sft import train_sft

    told: list[dict[str, Any]] = []

    def tell(row: Any) -> None:
        told.append(dict(row))
        if killed_after is not None and row.get("step") == killed_after:
            raise Killed

    try:
        if stage == "sft":
            rows = [episode(i, turns=1 + i % 3) for i in range(7)]
            train_sft(settings, rows, model, processor(), out=out, told=tell, evaluate=evaluate)
        else:
            train_grpo(settings, rollouts, model, processor(), out=out, told=tell, evaluate=evaluate)
    except Killed:
        pass
    return told


class Gradients:
    """What gradients a model's parameters had when its backward passes were through, before any clipping."""

    def __init__(self, model: Any) -> None:
        self.found: dict[str, Any] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(lambda p, name=name: self.found.__setitem__(name, p.grad.clone()))

    def apart(self, other: Gradients) -> float:
        """Norm of the difference over the norm."""
        assert self.found.keys() == other.found.keys()
        squares = [((g - other.found[name]) ** 2).sum() for name, g in self.found.items()]
        return float((sum(squares) / sum((g**2).sum() for g in self.found.values())) ** 0.5)
