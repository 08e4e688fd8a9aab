"""Stock TRL on a scripted policy and tools that are the same for our rollouts: what `rollouts_beside_trl.py` measures against."""

from __future__ import annotations

import asyncio
import functools
import io
import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "TOKENIZERS_PARALLELISM": "false"}
sys.path.insert(0, str(Path(__file__).parents[1]))

import datasets
import numpy as np
import torch
import trl
from PIL import Image
from transformers import PrinterCallback, Qwen2VLImageProcessorPil

import prompts
from agent.answer import answer_schema
from agent.beliefs import Beliefs
from agent.limits import Limits
from agent.photo import PhotoFile
from evals.record import Record, Truth
from rl_training.config import WorldSettings
from rl_training.tiny import tiny_model
from tools.observation import Arguments, Observation, Tool, ToolContext, View
from tools.toolbox import ToolSettings
from tools.zoom import Zoom, ZoomArguments

PIXELS, TOKENS, TURNS, FREE = 16 * 28 * 28, 512, 4, 8
"""Pixels of a picture; tokens of a completion (of all turns); turns; tokens at the beginning of a call that are sampled freely."""
WORDS = ("Calle Mayor", "Porto", "Kiosk", "Rue du Moulin", "Bahnhof", "Taverna", "Via Roma", "Ploshchad")
HARMLESS = "none"
CONTROL = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>"]
Plan = Callable[[int, random.Random], Sequence[str]]
"""Replies, turn by turn, for a photo of that width; the last is given again and again."""
# -- photos, tools and replies: the same for both


@functools.cache
def photo(name: str) -> PhotoFile:
    """Noise of the size in the name, `301x200`."""
    width, height = map(int, name.split("x"))
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)).save(buffer, "JPEG")
    return PhotoFile(Path(f"{name}.jpg"), buffer.getvalue())


class World:
    """What `Rollouts` asks of a world. Photos differ in their widths; tools take `wait_s`."""

    def __init__(self, photos: int = 4, found: str = HARMLESS, turns: int = TURNS) -> None:
        self.names, self.found, self.wait_s = [f"{300 + i}x200" for i in range(photos)], found, 0.0
        self.settings, self.limits, self.beliefs = WorldSettings(), Limits(turns, 2 * TURNS), Beliefs(16, 10_000)
        self.tool_settings, self.tools = ToolSettings(offline=True), {"zoom": Look(self), "search": Search(self)}

    def draw(self, step: int, count: int, salt: int = 0) -> list[Record]:
        return [Record(name, Truth(42.70, 23.32), functools.partial(photo, name)) for name in self.names[:count]]

    async def photo(self, record: Record) -> PhotoFile:
        return record.open()

    def new_loop(self) -> None:
        """There are no locks."""


class Box(Arguments):
    box: list[float]


class Query(Arguments):
    query: str


class Look(Tool):
    name, description, arguments = "zoom", "Return a crop of the picture.", Box

    def __init__(self, world: World) -> None:
        self.world = world

    def run(self, arguments: Any, context: ToolContext) -> Observation:
        time.sleep(self.world.wait_s)
        return Zoom().run(ZoomArguments(box=arguments.box), context) if self.name == "zoom" else Observation(self.world.found)


class Search(Look):
    name, description, arguments = "search", "Search the web.", Query


def call(tool: str, rng: random.Random) -> str:
    low, high = rng.randrange(1, 5) / 10, rng.randrange(6, 10) / 10
    arguments = f'{{"box": [{low}, {low}, {high}, {high}]}}' if tool == "zoom" else f'{{"query": "{rng.choice(WORDS)}"}}'
    return f'<tool_call>\n{{"name": "{tool}", "arguments": {arguments}}}\n</tool_call>'


def usual(width: int, rng: random.Random) -> Sequence[str]:
    """One call, or two where the width is odd, and an answer."""
    answer = f"Answer: {rng.randrange(-60, 60)}.{rng.randrange(100, 1000)}, {rng.randrange(-170, 170)}.{rng.randrange(100, 1000)}"
    return [call("zoom", rng), *([call("search", rng)] if width % 2 else []), answer]


class Script:
    """What is added to the logits of the next token, given all tokens before it."""

    def __init__(self, tokenizer: Any, plan: Plan, free: int = FREE, free_answers: bool = False) -> None:
        self.tokenizer, self.plan, self.free, self.free_answers = tokenizer, plan, free, free_answers
        self.start, self.head = tokenizer.convert_tokens_to_ids("<|im_start|>"), len(tokenizer.encode("assistant\n"))
        self.no_control = torch.zeros(len(tokenizer))
        self.no_control[list(tokenizer.get_added_vocab().values())] = -1e9
        self.replies = functools.cache(self._replies)

    def __call__(self, ids: list[int]) -> torch.Tensor:
        first = ids.index(self.start)
        # Turns begin with system, user, assistant; each round of calls adds two.
        asked = ids.index(self.start, ids.index(self.start, first + 1) + 1)
        replies = self.replies(tuple(ids[first:asked]))
        free, reply = replies[min((ids.count(self.start) - 3) // 2, len(replies) - 1)]
        place = ids[::-1].index(self.start) - self.head - free
        if not 0 <= place < len(reply):
            return self.no_control
        wanted = torch.full_like(self.no_control, -1e9)
        wanted[reply[place]] = 0.0
        return wanted

    def _replies(self, question: tuple[int, ...]) -> list[tuple[int, list[int]]]:
        width = int(re.findall(r"(\d+) × \d+ pixels", self.tokenizer.decode(question))[-1])
        said = self.plan(width, random.Random(width))
        free = [self.free if "<tool_call>" in text or self.free_answers else 0 for text in said]
        return [(number, self.tokenizer.encode(f"{text}<|im_end|>")) for number, text in zip(free, said, strict=True)]

    def of_rows(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """As a logits processor of transformers."""
        return scores + torch.stack([self(row) for row in ids.tolist()])


class Steps:
    """Of each step: CPU seconds when its rollouts began, how long they took, tokens written. From the second on tools take `wait_s`."""

    def __init__(self, world: World, wait_s: float = 0.0) -> None:
        self.world, self.wait_s = world, wait_s
        self.rows: list[tuple[float, float, int]] = []

    def __call__(self, roll: Callable[[], Any], written: Callable[[Any], int]) -> Any:
        cpu, began = time.process_time(), time.perf_counter()
        found = roll()
        self.rows.append((cpu, time.perf_counter() - began, written(found)))
        self.world.wait_s = self.wait_s
        return found

    def ms_a_token(self) -> float:
        """CPU, without the first step, which warms up, and the last, after which a run is saved."""
        return 1e3 * (self.rows[-1][0] - self.rows[1][0]) / sum(written for _, _, written in self.rows[1:-1])


# -- stock TRL


class SyncEnv:
    """The tools for TRL, an instance for each rollout; a run sets `world`."""

    world: World

    def reset(self, task: str = "", **_: Any) -> None:
        self._context = ToolContext(photo(task), {"photo": View("photo")})

    def _run(self, tool: str, asked: Arguments) -> Any:
        seen = self.world.tools[tool].run(asked, self._context)
        pictures = [{"type": "image", "image": self._context.photo.render(view, PIXELS)} for view in seen.views]
        return [*pictures, {"type": "text", "text": seen.text}] if pictures else seen.text

    def zoom(self, box: list[float]) -> Any:
        """Return a crop of the picture.\n\nArgs:\n    box: left, top, right, bottom."""
        return self._run("zoom", Box(box=box))

    def search(self, query: str) -> Any:
        """Search the web.\n\nArgs:\n    query: words."""
        return self._run("search", Query(query=query))


class AsyncEnv(SyncEnv):
    async def zoom(self, box: list[float]) -> Any:
        return await asyncio.to_thread(self._run, "zoom", Box(box=box))

    async def search(self, query: str) -> Any:
        return await asyncio.to_thread(self._run, "search", Query(query=query))

    zoom.__doc__, search.__doc__ = SyncEnv.zoom.__doc__, SyncEnv.search.__doc__


class Tensors(Qwen2VLImageProcessorPil):  # type: ignore[misc]
    def __call__(self, *args: Any, **settings: Any) -> Any:
        return super().__call__(*args, **{**settings, "return_tensors": settings.get("return_tensors") or "pt"})


class Stock(trl.GRPOTrainer):  # type: ignore[misc]
    """GRPOTrainer as it is; its rollouts are timed and kept."""

    def _generate(self, prompts: list[Any]) -> Any:
        self.replies: list[list[int]] = []
        self.made = self.steps(functools.partial(super()._generate, prompts), lambda made: sum(map(sum, made[2])))
        return self.made

    def _generate_single_turn(self, *args: Any, **settings: Any) -> Any:
        found = super()._generate_single_turn(*args, **settings)
        self.replies += [list(ids) for ids in found[0]]
        return found


def stock(steps: Steps, plan: Plan, group: int, number: int = 1, env: type[SyncEnv] = SyncEnv, **more: Any) -> Stock:
    """Steps of stock TRL with learning rate 0."""
    torch.manual_seed(0)
    model, processor = tiny_model(PIXELS)
    processor.image_processor.__class__ = Tensors
    processor.chat_template = processor.tokenizer.chat_template = (
        Path(trl.__file__).parent / "chat_templates/qwen3_vl.jinja"
    ).read_text()
    model.generate = functools.partial(model.generate, logits_processor=[Script(processor.tokenizer, plan).of_rows])
    rules = prompts.fill("system_brief", max_turns=str(TURNS), max_calls=str(2 * TURNS)) + json.dumps(answer_schema())
    asked = {name: prompts.fill("photo", width=name[:3], height=name[4:], context="") for name in steps.world.names}
    rows = [{"prompt": [{"role": "system", "content": rules}, {"role": "user", "content": words}], "task": name,
             "image": photo(name).render(View("photo"), PIXELS)} for name, words in asked.items()]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        args = trl.GRPOConfig(
            folder, per_device_train_batch_size=group * len(rows), num_generations=group, max_steps=number, learning_rate=0.0, loss_type="dapo",
            scale_rewards="none", max_completion_length=TOKENS, remove_unused_columns=False, report_to="none", save_strategy="no",
            disable_tqdm=True, use_cpu=True, bf16=False, activation_checkpointing=False, logging_steps=1, dataloader_pin_memory=False,
            generation_kwargs={"suppress_tokens": processor.tokenizer.convert_tokens_to_ids(CONTROL)}, **more,
        )  # fmt: skip
        trainer = Stock(
            model=model, reward_funcs=[lambda completion_ids, **_: [float(ids[0] % 2) for ids in completion_ids]], args=args,
            train_dataset=datasets.Dataset.from_list(rows), processing_class=processor,
            environment_factory=type("Env", (env,), {"world": steps.world}),
        )  # fmt: skip
        trainer.steps = steps
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return trainer
