"""The side of the road that traffic keeps to, for a policy that sees it."""

from __future__ import annotations

from functools import cache

from geo.clues.clue import Clue, regional
from geo.clues.tables import rows


@cache
def drives_on_left() -> frozenset[str]:
    """ISO codes of the countries and territories where traffic keeps left."""
    return frozenset(row["code"] for row in rows("countries") if row["drives"] == "left")


def driving_side(side: str, tool: str = "note_clue", citation: str = "") -> Clue:
    """The clue that traffic is seen to keep to `side`, `left` or `right`. Raises ValueError for anything else."""
    side = side.strip().lower()
    if side not in {"left", "right"}:
        raise ValueError(f"traffic keeps left or right, not {side[:20]!r}")
    weights = {row["code"]: 1.0 for row in rows("countries") if row["drives"] == side}
    # One-way streets, parked cars and mirrored pictures make this less sure than the rule is.
    return regional("driving_side", side, weights, f"traffic keeps to the {side}", "driving_side", 0.88, tool, citation)
