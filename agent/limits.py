"""What one investigation may spend."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MAX_VOTES = 64
"""The most votes that may be asked for about one photo."""


@dataclass(frozen=True)
class Limits:
    max_turns: int = 12
    """Turns of the policy, the one that answers included."""
    max_calls: int = 24
    """Tool calls that are carried out."""
    max_seconds: float = 600.0
    """Working time for one photo; near its end the policy is asked for its answer."""
    think_seconds: float = 180.0
    """The longest wait for one reply of the policy."""
    max_views_shown: int = 6
    """Pictures sent to the policy at once: the photo and the latest views."""
    votes: int = 0
    """Further replies about the photo alone that a policy which sees is asked for before the answer is made (`agent/diversify.py`)."""
    vote_temperature: float = 0.7
    """Sampling temperature of these replies, where the model has one."""

    def __post_init__(self) -> None:
        if self.max_turns < 1 or self.max_calls < 0 or not self.max_seconds > 0 or not self.think_seconds > 0:
            raise ValueError("limits must be positive: at least one turn, no negative calls, more than zero seconds")
        if not 0 <= self.votes <= MAX_VOTES or not 0.0 < self.vote_temperature <= 2.0:
            raise ValueError(f"votes go from 0 to {MAX_VOTES}, and their temperature is above 0 and at most 2")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
