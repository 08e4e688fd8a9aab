"""What one investigation may spend."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


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

    def __post_init__(self) -> None:
        if self.max_turns < 1 or self.max_calls < 0 or not self.max_seconds > 0 or not self.think_seconds > 0:
            raise ValueError("limits must be positive: at least one turn, no negative calls, more than zero seconds")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
