"""What a policy in a folder or hub repository must be given to be itself: the settings it was trained with, in `geosleuth.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.chatml import ToolsAs
from agent.policies import Policy, PolicyError
from agent.render import ImagesIn
from agent.reply import BoxSpace

FILE = "geosleuth.json"


@dataclass(frozen=True)
class PolicyCard:
    prompt: str = "system"
    """Template of its rules."""
    tools_as: ToolsAs = "schemas"
    """How tools stand in the prompt: their whole schemas, or their names alone."""
    offered: tuple[str, ...] = ()
    """The tools it may call; empty means all."""
    images_in: ImagesIn = "tool"
    box_space: BoxSpace = "unit"
    result_chars: int | None = None
    """Longer results are cut in their middle."""
    max_pixels: int = 2048 * 1024
    """Pictures are scaled down to this before they are sent."""
    max_new_tokens: int = 1024
    """Of one reply."""
    belief_line: bool = True
    """Whether results end with the belief in one line."""

    def policy(self, name: str, model: Any, at_once: int = 8) -> Policy:
        """The model as a policy with these settings."""
        return Policy(name, model, self.max_pixels, self.images_in, self.box_space, at_once=at_once, prompt=self.prompt,
                      result_chars=self.result_chars, offered=self.offered, belief_line=self.belief_line, same_tools=True)  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def save(self, folder: Path) -> None:
        """Write `geosleuth.json` in a folder."""
        (folder / FILE).write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")


def read_card(folder: Path) -> PolicyCard:
    """The card of a folder; the defaults where it has none. Raises PolicyError with one line for one that makes no sense."""
    path = folder / FILE
    if not path.is_file():
        return PolicyCard()
    try:
        return card_from_json(json.loads(path.read_text(encoding="utf-8")[:100_000]))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise PolicyError(f"{path} is no card of a policy: {str(error)[:200]}") from error


def card_from_json(data: Mapping[str, Any]) -> PolicyCard:
    """The inverse of `PolicyCard.to_json`. Raises ValueError or TypeError."""
    import prompts

    if not isinstance(data, Mapping):
        raise ValueError("it is no table of settings")
    known = {field.name for field in dataclasses.fields(PolicyCard)}
    if surplus := sorted(set(data) - known):
        raise ValueError(f"unknown: {', '.join(surplus)[:100]}")
    offered = data.get("offered", ())
    if not isinstance(offered, list | tuple) or not all(isinstance(name, str) for name in offered):
        raise ValueError("offered is a list of names of tools")
    card = PolicyCard(**{**data, "offered": tuple(offered)})
    choices: dict[str, Collection[object]] = {
        "prompt": prompts.names(),
        "tools_as": ("schemas", "names"),
        "images_in": ("user", "tool"),
        "box_space": ("unit", "pixel", "norm1000"),
        "belief_line": (True, False),
    }
    for name, allowed in choices.items():
        if getattr(card, name) not in allowed:
            raise ValueError(f"{name} is one of {', '.join(map(str, allowed))}")
    numbers = (card.max_pixels, card.max_new_tokens, 1 if card.result_chars is None else card.result_chars)
    if not all(type(number) is int and 0 < number < 10**9 for number in numbers):
        raise ValueError("max_pixels, max_new_tokens and result_chars are positive numbers")
    return card
