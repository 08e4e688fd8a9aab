"""Settings within their bounds: the ends are allowed, everything else is one line that names the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from models.geolocator import ModelError
from models.settings_bounds import check_bounds


@dataclass(frozen=True)
class Made:
    epochs: int = 3
    lr: float = 0.1
    shuffled: bool = True
    name: str = "free"

    def __post_init__(self) -> None:
        check_bounds(self, {"epochs": (1, 5_000_000_000), "lr": (0.0, 1.0)})


@pytest.mark.parametrize(
    "good", [{"epochs": 1}, {"epochs": 5_000_000_000}, {"lr": 0.0}, {"lr": 1}, {"shuffled": False}, {"name": ""}]
)
def test_what_is_within_is_taken(good: dict[str, Any]) -> None:
    Made(**good)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1 to 5000000000"),
        ({"epochs": 2.0}, "epochs must be a whole number"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"lr": 1.01}, "lr must be a number from 0 to 1"),
        ({"lr": float("nan")}, "lr must be a number"),
        ({"lr": "0.1"}, "lr must be a number"),
        ({"shuffled": 1}, "shuffled is true or false"),
    ],
)
def test_what_is_not_is_told(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Made(**bad)
