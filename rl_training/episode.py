"""One investigation as the policy lived it: a stream of tokens, which of them it wrote, the pictures, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

    from evals.record import Truth
    from rl_training.reward import Reward

FINISHED = frozenset({"answered", "cannot_tell"})
"""Ends that the policy chose. Every other one is a cap, a fault of the world, or a reply without an end."""

WORLD_FAULTS = frozenset({"policy_error", "photo_error", "world_error"})
"""Ends that say nothing about the policy: no verdict."""


@dataclass(eq=False)
class Episode:
    """Token in, token out: `ids` are what the model read and wrote, never text that was tokenized a second time."""

    task: str
    """Id of the record."""
    ids: list[int]
    """The whole stream [L]."""
    mask: list[int]
    """[L]: 1 where the policy wrote the token, 0 where it read it."""
    logp: list[float]
    """[L]: log-probability of each written token when it was sampled, in nats at the sampling temperature; 0 where it was read, or
    where it was not sampled (rows of SFT)."""
    images: list[Image.Image]
    """RGB, in the order in which they stand in the stream."""
    end: str
    """A `StopReason`; or `no_eos` (a reply was cut), `tool_timeout`, `world_error` (a tool failed by a fault of the world),
    `rewritten` (the history was changed on the way, so that the stream is only its last part)."""
    truth: Truth | None = None
    trajectory: Mapping[str, Any] = field(default_factory=dict)
    reward: Reward | None = None
    """None before it is scored."""
    group: int = 0
    """Rollouts of one task at one step have the same number."""

    @property
    def prompt_length(self) -> int:
        """Tokens before the first that the policy wrote."""
        return self.mask.index(1) if 1 in self.mask else len(self.mask)

    @property
    def written(self) -> int:
        """How many tokens the policy wrote."""
        return sum(self.mask)

    @property
    def finished(self) -> bool:
        return self.end in FINISHED
