"""Trajectories for tests of the report page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from agent.answer import answer_from, label_of
from agent.photo import open_photo
from geo.belief import belief_from
from geo.evidence import Evidence, near

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`<!-- ]]> {{script}} \u2028 &lt;b&gt; \x00\ud800\u202eevil"
)
PORTO = Evidence(
    near(41.15, -8.61, 5.0), "phone code +351 22 is Porto", "text:tel", "read_text", 0.95, ("v1", "https://example.org/a?b=1&c=2")
)
RECIFE = Evidence(near(-8.05, -34.9, 60.0), "tiles as in Recife", "page:w1", "search_web", 0.3, ("w1", "javascript:alert(1)"))
FIJI = Evidence(near([-17.8, -16.5], [178.0, -179.6], [60.0, 60.0]), "a Fijian plate", "plate", "read_text", 0.99, ())


@cache
def result_of(evidence: tuple[Evidence, ...]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    belief = belief_from(evidence)
    result = answer_from(belief)
    guess = result["best_guess"]
    ledger = [
        {
            **e.to_json(),
            "call": "c",
            "bits": round(belief.bits_of(i), 2),
            "for_answer_bits": round(belief.support_bits(i, guess["lat"], guess["lon"]), 2),
        }
        for i, e in enumerate(evidence)
    ]
    return result, ledger


def trajectory(photo: Path, *evidence: Evidence, **changes: Any) -> dict[str, Any]:
    result, ledger = result_of(evidence)
    opened = open_photo(photo)
    step = {"ok": True, "seconds": 0.1, "data": {}, "views": [], "claims": []}
    return {
        "version": 1,
        "photo": photo.name,
        "path": str(photo),
        "sha256": opened.sha256,
        "size": list(opened.size),
        "policy": "checklist",
        "limits": {"max_turns": 12},
        "area": None,
        "context": "",
        "metadata_allowed": False,
        "tools": {},
        "prompts": {},
        "started": "2025-05-04T10:11:12+00:00",
        "seconds": 4.2,
        "stop": "answered" if result["answer"] else "cannot_tell",
        "error": None,
        "turns": 2,
        "calls": 2,
        "usage": {},
        **result,
        "reason": "",
        "label": label_of(result["best_guess"]),
        "views": {
            "photo": {"id": "photo", "box": [0, 0, 1, 1], "rotate_deg": 0, "contrast": False},
            "v1": {"id": "v1", "box": [0.1, 0.2, 0.4, 0.5], "rotate_deg": 90, "contrast": True},
        },
        "regions": {"1": {"number": 1, "box": [0.5, 0.5, 0.7, 0.6], "label": "“Rua”"}},
        "sources": {"w1": {"id": "w1", "url": "http://example.org/tiles", "title": "Tiles", "snippet": ""}},
        "ledger": ledger,
        "steps": [
            {**step, "id": "a", "turn": 1, "tool": "read_text", "args": {"view": "photo"}, "text": "1 line"},
            {**step, "id": "b", "turn": 2, "tool": "zoom", "args": {"region": 1}, "text": "view v1", "views": ["v1"]},
        ],
        "messages": [
            {"role": "assistant", "content": "first I read"},
            {"role": "tool", "tool_call_id": "a", "content": "1 line\nbelief: 61 % Porto"},
            {"role": "assistant", "content": ""},
            {
                "role": "tool",
                "tool_call_id": "b",
                "content": [{"type": "text", "text": "view v1\nbelief: 95 % Porto"}, {"type": "view", "view": "v1"}],
            },
        ],
        **changes,
    }


UNOPENED = {
    "version": 1,
    "photo": "broken.jpg",
    "sha256": None,
    "policy": "checklist",
    "stop": "photo_error",
    "error": "broken.jpg is damaged",
    "seconds": 0.0,
    "answer": None,
    "best_guess": None,
    "alternatives": [],
    "ledger": [],
    "trajectory": None,
}


def painted(path: Path) -> Path:
    """A colourful photo of 400 × 300 pixels."""
    rows, columns = np.mgrid[0:300, 0:400]
    Image.fromarray(np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=2).astype(np.uint8)).save(path)
    return path


def hostile(photo: Path) -> dict[str, Any]:
    clue = Evidence(near(35.68, 139.7, 20.0), HOSTILE, "x", HOSTILE, 0.9, (HOSTILE, "w1", f"https://example.org/{HOSTILE}"))
    made = trajectory(photo, clue)
    step = {
        "id": HOSTILE,
        "turn": 1,
        "tool": HOSTILE,
        "args": {HOSTILE: [HOSTILE]},
        "ok": False,
        "text": HOSTILE * 40,
        "seconds": 1,
        "views": [HOSTILE],
    }
    return {
        **made,
        "photo": HOSTILE,
        "policy": HOSTILE,
        "context": HOSTILE,
        "reason": HOSTILE,
        "error": HOSTILE,
        "tools": {HOSTILE: HOSTILE},
        "answer": {**made["answer"], "city": HOSTILE, "region": HOSTILE, "country_name": HOSTILE},
        "alternatives": [{**made["alternatives"][0], "city": HOSTILE}],
        "regions": {HOSTILE: {"box": [0.1, 0.1, 0.4, 0.4], "label": HOSTILE}},
        "views": {HOSTILE: {"id": HOSTILE, "box": [0.1, 0.1, 0.4, 0.4], "rotate_deg": 0, "contrast": False}},
        "sources": {"w1": {"id": "w1", "url": f"javascript:{HOSTILE}", "title": HOSTILE}},
        "steps": [step],
        "messages": [
            {"role": "assistant", "content": HOSTILE},
            {"role": "tool", "tool_call_id": HOSTILE, "content": f"x\nbelief: {HOSTILE}"},
        ],
    }
