"""What the panel of one record holds beyond its line: evidence, steps, boxes, ranked places, clues and the belief."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from agent.report.belief import belief_of, bounds, heat
from agent.report.map import towns
from agent.report.markup import showable
from agent.report.picture import Mark, texts_of, zooms_of
from agent.report.words import ending
from evals.read_clues import was_read
from evals.report.case import Case
from evals.report.clues import read_texts, told_by
from evals.row import Row
from geo.density_at import cell_at
from geo.evidence import Evidence
from geo.product import Clues

_CLAIM, _TEXT, _ARGS = 280, 420, 160
_MOST_EVIDENCE, _MOST_STEPS, _MOST_BOXES, _MOST_CLUES = 60, 80, 60, 40
_KEPT = (("boxes", 16, "boxes"), ("steps", 16, "steps"), ("evidence", 12, "pieces of evidence"), ("clues", 12, "clues"))
"""What is left of long lists where a record is too large, the least missed first."""

Detail = dict[str, Any]


def detail(row: Row, case: Case, belief: bool, most_bytes: int) -> Detail:
    """All of it as plain data of at most about `most_bytes` of JSON (the belief apart), what had to go named in `cut`."""
    trajectory = case.trajectory or {}
    found: Detail = {
        "licence": short(case.licence, 200),
        "attribution": short(case.attribution, 300),
        "ended": ending(row.stop) if row.stop != "not_run" else "not run",
        "error": short(row.error, 400),
        "reason": short(trajectory.get("reason"), 600),
        "spent": {
            "turns": row.turns,
            "seconds": _round(row.seconds, 1),
            "tokens": row.tokens_in + row.tokens_out,
            "usd": _round(row.usd, 6),
        },
        "size": _size(trajectory),
        "boxes": _boxes(trajectory),
        "ranked": [
            [short(p.label, 120), _round(p.probability, 4), _round(p.distance_km, 1), p.holds, _round(p.lat, 4), _round(p.lon, 4)]
            for p in row.ranked[:12]
        ],
        "evidence": _evidence(row, trajectory),
        "steps": _steps(row, trajectory),
        "clues": _clues(case),
        "cut": [],
    }
    _shorten(found, most_bytes)
    if belief:
        found["belief"] = _belief(row, trajectory)
    return found


def short(text: object, most: int) -> str:
    """Text of at most `most` characters that can be shown."""
    words = "" if text is None else showable(str(text))
    return words if len(words) <= most else words[: most - 1] + "…"


def _round(value: float | None, digits: int) -> float | None:
    return round(value, digits) if value is not None and math.isfinite(value) else None


def _size(trajectory: Mapping[str, Any]) -> list[int] | None:
    size = trajectory.get("size")
    if not isinstance(size, (list, tuple)) or len(size) != 2 or not all(isinstance(v, int) and v > 0 for v in size):
        return None
    return list(size)


def _boxes(trajectory: Mapping[str, Any]) -> list[list[Any]]:
    marks: list[Mark] = []
    for of in (zooms_of, texts_of):
        try:
            marks += of(trajectory)
        except (TypeError, ValueError):  # a damaged trajectory costs its boxes alone
            continue
    return [[*(round(v, 4) for v in m.box), short(m.name, 8), short(m.words, 160), m.kind] for m in marks[:_MOST_BOXES]]


def _evidence(row: Row, trajectory: Mapping[str, Any]) -> list[list[Any]]:
    """`[claim, tool, reliability, bits at the truth or None]` of each piece."""
    ledger = [entry for entry in trajectory.get("ledger") or [] if isinstance(entry, Mapping)]
    return [
        [short(e.get("claim"), _CLAIM), short(e.get("tool"), 40), _number(e.get("reliability")), _bits_at_truth(row, e)]
        for e in ledger[:_MOST_EVIDENCE]
    ]


def _number(value: object) -> float | None:
    return round(float(value), 4) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _bits_at_truth(row: Row, entry: Mapping[str, Any]) -> float | None:
    """log2 of how much more likely a piece of evidence is at the truth than on average (`Belief.support_bits` there)."""
    mean = _number(entry.get("mean"))
    if row.truth.lat is None or row.truth.lon is None or mean is None:
        return None
    try:
        clue = Clues((Evidence.from_json(entry),), (float(entry["mean"]),))
        value = float(clue.log_product(cell_at(row.truth.lat, row.truth.lon))[0]) / math.log(2.0)
    except (KeyError, TypeError, ValueError):
        return None
    return _round(value, 2)


def _steps(row: Row, trajectory: Mapping[str, Any]) -> list[list[Any]]:
    """`[turn, tool, arguments, ok, seconds, bits at the truth or None, text]` of each call."""
    steps = [step for step in trajectory.get("steps") or [] if isinstance(step, Mapping)]
    calls = list(row.calls)
    found = []
    for step in steps[:_MOST_STEPS]:
        tool = str(step.get("tool") or "")
        call = calls.pop(0) if calls and calls[0].tool == tool else None
        args = step.get("args")
        found.append([
            step.get("turn") if isinstance(step.get("turn"), int) else 0, short(tool, 40), _arguments(args), bool(step.get("ok", True)),
            _number(step.get("seconds")), _round(call.bits, 2) if call and call.bits is not None else None, short(step.get("text"), _TEXT),
        ])  # fmt: skip
    return found


def _arguments(args: object) -> str:
    if not isinstance(args, Mapping):
        return ""
    said = [
        f"{key} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)}"
        for key, value in args.items()
    ]
    return short(" · ".join(said), _ARGS)


def _clues(case: Case) -> list[list[Any]]:
    """`[kind, text, what it tells, whether it was read or None]` of each clue."""
    read = read_texts(case.trajectory) if case.clues else []
    clues = [clue for clue in list(case.clues)[:_MOST_CLUES] if isinstance(clue, Mapping)]
    return [
        [
            short(str(clue.get("kind") or "").replace("_", " "), 40),
            short(clue.get("text"), 160),
            short(told_by(clue), 200),
            was_read(str(clue.get("text") or ""), read),
        ]
        for clue in clues
    ]


def _shorten(found: Detail, most: int) -> None:
    """Leave out what is least missed until the rest is small enough."""
    if len(json.dumps(found)) > most:
        found["steps"] = [[*step[:-1], ""] for step in found["steps"]]
        found["cut"].append("what the tools answered")
    for key, keep, words in _KEPT:
        if len(json.dumps(found)) <= most:
            return
        if (left := len(found[key]) - keep) > 0:
            found[key] = found[key][:keep]
            found["cut"].append(f"{left} {words}")


def _belief(row: Row, trajectory: Mapping[str, Any]) -> dict[str, Any] | None:
    """The heat of the map; None where the belief cannot be built again."""
    guess = trajectory.get("best_guess")
    if not isinstance(guess, Mapping):
        return None
    try:
        belief = belief_of(trajectory)
        box = bounds(belief, float(guess["lat"]), float(guess["lon"]))
        return {"heat": heat(belief), "bounds": box, "towns": towns(box)[:30]}
    except (ValueError, KeyError, TypeError):
        return None
