"""Which clues of a scene were read, so that a failure can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evals.practice.scene import Clue, ScenePlan
from geo.names import fold

LIKE_ENOUGH = 85.0
"""Percent of a clue's text that must be found in one piece, misread letters forgiven."""
_LONGEST_TEXT = 2000
_MOST_TEXTS = 500


def explain(plan: ScenePlan, said_texts: Sequence[str]) -> list[dict[str, Any]]:
    """Every clue with `read` (None for what is no writing) and one sentence `why`, the decisive ones first.

    `said_texts` are what a policy or a reader made of the picture: lines of text or whole answers, in any order.
    """
    said = [fold(text[:_LONGEST_TEXT]) for text in said_texts[:_MOST_TEXTS]]
    rows = []
    for clue in sorted(plan.clues, key=lambda clue: (not clue.decisive, clue.distractor)):
        read = _is_read(clue.text, said) if clue.text else None
        rows.append({**clue.to_json(), "read": read, "why": _sentence(clue, read)})
    return rows


def _is_read(text: str, said: Sequence[str]) -> bool:
    from rapidfuzz import fuzz

    wanted = fold(text)
    if not wanted:
        return False
    if len(wanted) < 6:
        return any(f" {wanted} " in f" {line} " for line in said)
    return any(len(line) >= 0.8 * len(wanted) and fuzz.partial_ratio(wanted, line) >= LIKE_ENOUGH for line in said)


def _sentence(clue: Clue, read: bool | None) -> str:
    what = f"{clue.kind.replace('_', ' ')} {clue.text!r}" if clue.text else clue.kind.replace("_", " ")
    if clue.distractor:
        return f"{what} misleads ({clue.value})" + (" and was read" if read else "")
    state = "is seen, not read" if read is None else "was read" if read else "was not read"
    hints = [hint for hint, needed in (("needs zooming", clue.needs_zoom), ("needs a search", clue.needs_search)) if needed]
    return f"{what} {state}; it tells the {clue.tells} ({clue.value})" + (f" and {' and '.join(hints)}" if hints else "")
