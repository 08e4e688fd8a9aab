"""What one investigation may spend, and when looking on no longer pays."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

MAX_VOTES = 64
"""The most votes that may be asked for about one photo."""
MAX_SAMPLES = 500
"""The most points that may be drawn of one photo, from the belief and from each model."""
MAX_GAIN_BITS = 32.0
"""More than the whole Earth has to tell."""

_LEFT_OUT = ("least_gain_bits", "samples")
"""Left out of the JSON where they change nothing, so that runs which were begun without them go on."""


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
    least_gain_bits: float = 0.0
    """The policy is asked for its answer when another turn is expected to tell less than this (`agent/outlook.py`); 0 never does."""
    samples: int = 0
    """Points that are drawn from the final belief, and from each learned model that can draw, for maps; 0 for none."""

    def __post_init__(self) -> None:
        if self.max_turns < 1 or self.max_calls < 0 or not self.max_seconds > 0 or not self.think_seconds > 0:
            raise ValueError("limits must be positive: at least one turn, no negative calls, more than zero seconds")
        if not 0 <= self.votes <= MAX_VOTES or not 0.0 < self.vote_temperature <= 2.0:
            raise ValueError(f"votes go from 0 to {MAX_VOTES}, and their temperature is above 0 and at most 2")
        if not math.isfinite(self.least_gain_bits) or not 0.0 <= self.least_gain_bits <= MAX_GAIN_BITS:
            raise ValueError(f"the least gain of a turn goes from 0 to {MAX_GAIN_BITS:g} bits")
        if not 0 <= self.samples <= MAX_SAMPLES:
            raise ValueError(f"samples go from 0 to {MAX_SAMPLES}")

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value or name not in _LEFT_OUT}
