"""The sun decides: a name that several cities share, and a shadow that only one of them can have cast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from PIL import Image

from agent.find_photos import find_photos
from agent.locate import Settings, locate_sync
from agent.policies import Policy
from agent.policies.scripted import Scripted
from tools.toolbox import ToolSettings

NOON_OF_CARABOBO = "2024-12-21T16:30:00Z"
"""The sun then stands 56.4° high above Valencia in Venezuela, 1.0° above the one in Spain, and below the horizon of the one in the Philippines."""


def calls(tool: str, **args: Any) -> AIMessage:
    return AIMessage(content="", tool_calls=[{"name": tool, "args": args, "id": tool, "type": "tool_call"}])


NAME = calls("find_place", name="Valencia", seen_in_photo=True)
SHADOW = calls("sun", shadows=[{"length_ratio": 2 / 3}], time={"utc": NOON_OF_CARABOBO})
GIVE_UP = calls("answer", candidates=[], reason="what the evidence says")


def investigated(folder: Path, *replies: AIMessage) -> dict[str, Any]:
    Image.new("RGB", (64, 48), "grey").save(folder / "square.png")
    policy = Policy("scripted:test", Scripted(replies=list(replies)), sees=False)
    settings = Settings(out=folder / f"out{len(replies)}", tools=ToolSettings(offline=True, models=(), concepts=False))
    (trajectory,) = locate_sync(list(find_photos([str(folder / "square.png")])), policy, settings)
    return trajectory


def test_the_sun_turns_the_answer(tmp_path: Path) -> None:
    name_alone, with_shadow = investigated(tmp_path, NAME, GIVE_UP), investigated(tmp_path, NAME, SHADOW, GIVE_UP)
    assert name_alone["best_guess"]["country"] == "ES"
    assert (with_shadow["best_guess"]["country"], with_shadow["best_guess"]["city"]) == ("VE", "Valencia")
    assert with_shadow["best_guess"]["probability"] > 2 * name_alone["best_guess"]["probability"]
    assert [entry["tool"] for entry in with_shadow["ledger"]] == ["find_place", "sun"]
