"""What a drawn scene held, in words, and whether it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.read_clues import folded


def read_texts(trajectory: Mapping[str, Any] | None) -> list[str]:
    """What the run's tools read in the photo, folded: the labels of regions, and the lines that reading tools answered."""
    if not trajectory:
        return []
    regions = trajectory.get("regions")
    labels = (
        [str(r.get("label") or "") for r in regions.values() if isinstance(r, Mapping)] if isinstance(regions, Mapping) else []
    )
    steps = [s for s in trajectory.get("steps") or [] if isinstance(s, Mapping) and str(s.get("tool") or "").startswith("read")]
    lines = [line for step in steps for line in str(step.get("text") or "").split("\n")]
    return folded([*labels, *lines])


def told_by(clue: Mapping[str, Any]) -> str:
    """What a clue tells, and what it takes to use it: `tells the city (Porto), needs zooming`."""
    value = f" ({clue['value']})" if clue.get("value") else ""
    tells = (
        f"misleads{value}"
        if clue.get("distractor")
        else f"tells the {clue['tells']}{value}"
        if clue.get("tells")
        else value.strip(" ()")
    )
    hints = (("needs_zoom", "needs zooming"), ("needs_search", "needs a search"), ("decisive", "decisive"))
    return ", ".join(part for part in [tells, *(words for key, words in hints if clue.get(key) is True)] if part)
