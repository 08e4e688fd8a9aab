"""Which clues of a scene were read, so that a failure can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evals.practice.scene import Clue, ScenePlan
from evals.read_clues import folded, was_read


def explain(plan: ScenePlan, said_texts: Sequence[str]) -> list[dict[str, Any]]:
    """Every clue with `read` (None for what is no writing) and one sentence `why`, the decisive ones first.

    `said_texts` are what a policy or a reader made of the picture: lines of text or whole answers, in any order.
    """
    said = folded(said_texts)
    rows = []
    for clue in sorted(plan.clues, key=lambda clue: (not clue.decisive, clue.distractor)):
        read = was_read(clue.text, said)
        rows.append({**clue.to_json(), "read": read, "why": _sentence(clue, read)})
    return rows


def _sentence(clue: Clue, read: bool | None) -> str:
    what = f"{clue.kind.replace('_', ' ')} {clue.text!r}" if clue.text else clue.kind.replace("_", " ")
    if clue.distractor:
        return f"{what} misleads ({clue.value})" + (" and was read" if read else "")
    state = "is seen, not read" if read is None else "was read" if read else "was not read"
    hints = [hint for hint, needed in (("needs zooming", clue.needs_zoom), ("needs a search", clue.needs_search)) if needed]
    return f"{what} {state}; it tells the {clue.tells} ({clue.value})" + (f" and {' and '.join(hints)}" if hints else "")
