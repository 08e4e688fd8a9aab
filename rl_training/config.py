"""What a training run is told, a short frozen dataclass for each part. `rl_training/config_file.py` reads them from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelSettings:
    base: str = "embedded"
    """`embedded` (as assembled), `tiny` (some hundred thousand random weights), a folder, or a hub repository."""
    adapter: str = ""
    """A folder with a LoRA adapter (and projector) to begin from; a run's checkpoint or export."""
    train: str = "lora"
    """`lora`, or `full`."""
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_layers: int = 0
    """Only the uppermost so many decoder layers get an adapter; 0 means all."""
    train_projector: bool = True
    """Whether the projector from the vision encoder (Qwen-VL: the merger) is trained, too."""
    dtype: str = "float32"
    """`float32` or `bfloat16`."""
    max_pixels: int = 448 * 448
    """Pictures are scaled down to so many pixels before the policy sees them."""
    prompt: str = "system"
    """Template of its rules; `system_brief` for small models."""
    tools_as: str = "schemas"
    """How tools stand in the prompt: `schemas`, or `names` for small models that learn these tools and no others."""
    result_chars: int = 0
    """Longer results of tools are cut in their middle; 0 leaves them whole."""
    images_in: str = "tool"
    """Where pictures of results stand: `tool`, or `user` (after all results of a turn)."""


KNOWN_READERS = ("known", "known-ocr")
"""Values of `world.reader` with which nothing is recognised: the practice world tells what its signs say."""


@dataclass(frozen=True)
class WorldSettings:
    benches: tuple[str, ...] = ("practice:easy:1:2000:train",)
    """Benchmarks whose records are the tasks; a record may be drawn more than once."""
    held_out: tuple[str, ...] = ("practice:easy:1:60:held-out",)
    """Benchmarks of the evaluation while training: other cities."""
    curriculum: tuple[int, ...] = ()
    """Step from which each of `benches` is drawn; missing numbers are 0."""
    reader: str = "ocr"
    """`ocr`, or, without it and for drawn scenes alone, what the practice world knows of its signs: `known` tells it where letters are large enough in
    the view for eyes, `known-ocr` where `ocr` would read it (the photo's own pixels, but not every script)."""
    tools: tuple[str, ...] = ()
    """Names of the tools that are offered; empty means all."""
    max_turns: int = 8
    max_calls: int = 16
    max_seconds: float = 600.0
    think_seconds: float = 300.0
    belief_line: bool = True
    """Whether observations end with the belief."""
    at_once: int = 16
    """Cases that run at the same time."""


@dataclass(frozen=True)
class OptimiserSettings:
    learning_rate: float = 1e-4
    warmup_steps: int = 0
    schedule: str = "constant"
    """`constant`, `linear`, `cosine`."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    micro_batch: int = 4
    """Rows in one forward pass; a step accumulates over as many as it takes."""


@dataclass(frozen=True)
class SftSettings:
    traces: tuple[str, ...] = ()
    """Folders that `geosleuth train collect` wrote."""
    steps: int = 200
    batch: int = 16
    """Trajectories a step."""
    max_tokens: int = 4096
    """Longer trajectories are left out and counted; none is cut."""
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)


@dataclass(frozen=True)
class GrpoSettings:
    steps: int = 100
    tasks: int = 8
    """Different tasks a step."""
    group: int = 8
    """Rollouts of each."""
    loss: str = "dapo"
    """`dapo`, `dr_grpo`, `grpo`, or `gspo` (importance of whole sequences)."""
    epsilon: float = 0.2
    epsilon_high: float = 0.28
    """The upper clip, where it differs (DAPO)."""
    beta: float = 0.0
    """Weight of the KL term to the policy that training began from; 0 leaves it out."""
    scale: str = "none"
    """Division of advantages: `none`, `batch`, or `group` (which makes noise of near-equal rewards as loud as a hit)."""
    filter_groups: bool = True
    """Whether groups whose rewards are all equal are replaced, up to `resample` times, and else left out."""
    resample: int = 1
    equal_within: float = 1e-3
    """Rewards of a group that differ by no more than this are equal."""
    unfinished: str = "penalise"
    """Episodes that a cap ended: `penalise` (reward as scored, no answer) or `exclude` (no part in the loss, nor in the baseline)."""
    share_beginnings: bool = False
    """Whether what rollouts of a task have in common is computed once (accelerate backend, Qwen-VL's classes); micro-batches are of one task."""
    passes: int = 1
    """Optimizer steps on the episodes of one rollout; from the second on the ratio and its clip matter."""
    temperature: float = 1.0
    min_p: float = 0.0
    """Tokens below this share of the likeliest one's probability are never sampled: a hot temperature then varies choices and keeps their form. The loss counts
    the log-probabilities of the whole vocabulary."""
    fold: bool = False
    """Whether LoRA is folded into a copy of the weights for rollouts and (accelerate backend, no KL) updates: faster, for the memory of these weights once more."""
    max_new_tokens: int = 256
    """Of one reply."""
    max_tokens: int = 4096
    """Of a whole episode; one that would grow beyond it ends with `max_tokens`."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(learning_rate=1e-5))


@dataclass(frozen=True)
class RunSettings:
    out: str = "runs/train"
    seed: int = 0
    backend: str = "trl"
    """`trl`, or `accelerate`: a plain loop with the same loss, leaner on CPUs."""
    save_every: int = 50
    keep: int = 3
    """Checkpoints that are kept, the newest."""
    eval_every: int = 0
    """Steps between evaluations on the held-out benchmarks; 0 means at the end alone."""
    tensorboard: bool = True
    threads: int = 0
    """Threads of torch; 0 leaves it alone."""


@dataclass(frozen=True)
class TrainSettings:
    """A whole configuration file."""

    title: str = ""
    needs: str = ""
    """What the recipe needs, in words: hardware, hours, disk."""
    model: ModelSettings = field(default_factory=ModelSettings)
    world: WorldSettings = field(default_factory=WorldSettings)
    reward: Mapping[str, float] = field(default_factory=dict)
    """Weights of the reward's parts (`rl_training/reward.py`); empty means its defaults."""
    sft: SftSettings = field(default_factory=SftSettings)
    grpo: GrpoSettings = field(default_factory=GrpoSettings)
    run: RunSettings = field(default_factory=RunSettings)
