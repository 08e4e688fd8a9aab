"""The tables in docs/training.md say what the code says."""

from __future__ import annotations

from pathlib import Path

from rl_training.config_file import recipes
from rl_training.reward import DEFAULT_WEIGHTS, PARTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_every_part_of_the_reward_is_in_the_table() -> None:
    for name, part in PARTS.items():
        least, most = part.bounds
        assert f"| `{name}` | {least:g} | {most:g} | {DEFAULT_WEIGHTS.get(name, 0):g} | {part.description} |" in PAGE


def test_every_recipe_is_in_the_table() -> None:
    for name in recipes():
        assert f"| `{name}` |" in PAGE
