"""A shadow marked on a photo: read, measured, stated, taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.conversation.shadows import read_shadow
from tests.agent.conversation.test_desk import PORTO, desk, investigated, scripted

POINTS = "0.5,0.8 0.5,0.4 0.7,0.85"


@pytest.mark.parametrize(
    ("text", "stated", "time"),
    [
        (f"{POINTS}", "", {}),
        (f"{POINTS} 2024-03-05T14:20Z", "", {"utc": "2024-03-05T14:20Z"}),
        (f"{POINTS} 14:20", "", {"utc": "14:20"}),
        (f"{POINTS} 14:20", "2024-03-05", {"utc": "2024-03-05T14:20Z"}),
        (f"photo 2 {POINTS} 03-05", "", {"date": "03-05"}),
        (f"{POINTS} 3", "", {"month": "3"}),
        (f"{POINTS}", "2024-03", {"month": "3"}),
        (f"{POINTS}", "--03-05", {"date": "03-05"}),
    ],
)
def test_what_was_marked(text: str, stated: str, time: dict[str, str]) -> None:
    read = read_shadow(text, stated)
    assert read is not None
    assert read["shadows"] == [{"base": [0.5, 0.8], "top": [0.5, 0.4], "tip": [0.7, 0.85]}]
    assert read["time"] == time


@pytest.mark.parametrize("text", ["", "0.5,0.8 0.5,0.4", "a b c", "0.5 0.8 0.5 0.4 0.7 0.85"])
def test_what_was_not(text: str) -> None:
    assert read_shadow(text) is None


def test_a_marked_shadow_counts_and_can_be_taken_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with desk(tmp_path, scripted(*PORTO)) as work:
            case_id = await investigated(work)
            before = work.view(work.store.load(case_id))["ledger"]
            reply = await work.say(case_id, f"/shadow {POINTS} 2024-06-05T12:00Z")
            assert "Noted as s1" in reply.text
            file = work.store.load(case_id)
            assert (file.statements[0].kind, len(file.ledger())) == ("shadow", len(before) + 1)
            assert "Taken back" in (await work.say(case_id, "/retract 1")).text
            assert len(work.store.load(case_id).ledger()) == len(before)
            assert "Say it like this" in (await work.say(case_id, "/shadow here")).text
            assert "Noted" not in (await work.say(case_id, "/shadow 0.5,0.2 0.5,0.4 0.7,0.1 2024-06-05T12:00Z")).text

    asyncio.run(run())
