"""What can be looked at in an investigation's candidates: the photos of a gallery that suggested them, and what sources called them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.ranker.sights import MOST_PLACE

_RETRIEVAL = "retrieval:"
_TOOL = "find_similar"


def photo_rows(candidates: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, str] | None]:
    """For each candidate the tool and the gallery's row of the likest photo that suggested it; None for one that none did."""
    best: dict[str, tuple[float, str, str]] = {}
    for step in steps:
        tool, data = step.get("tool"), step.get("data")
        hits = data.get("hits") if isinstance(data, Mapping) else None
        if not isinstance(tool, str) or not tool.startswith(_TOOL) or not isinstance(hits, list):
            continue
        for hit in hits:
            row, similarity = (hit.get("id"), hit.get("similarity")) if isinstance(hit, Mapping) else (None, None)
            if (
                isinstance(row, str)
                and isinstance(similarity, int | float)
                and similarity > best.get(row[:80], (float("-inf"),))[0]
            ):
                best[row[:80]] = (float(similarity), tool, row)
    return [_likest(candidate.get("provenance"), best) for candidate in candidates]


def _likest(provenance: Any, best: Mapping[str, tuple[float, str, str]]) -> tuple[str, str] | None:
    sources = provenance if isinstance(provenance, list) else []
    found = [
        best[source[len(_RETRIEVAL) :]] for source in sources if isinstance(source, str) and source[len(_RETRIEVAL) :] in best
    ]
    return max(found)[1:] if found else None


def names(candidates: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What a source called each candidate, or what lies there. Text of the world, not cleaned."""
    said = (candidate.get("name") or candidate.get("label") or "" for candidate in candidates)
    return tuple(name[:MOST_PLACE] if isinstance(name, str) else "" for name in said)


def pictures(
    rows: Sequence[tuple[str, str] | None], of_tool: Callable[[str, Sequence[str]], Mapping[str, Any]]
) -> tuple[Any | None, ...]:
    """For each of `photo_rows` what `of_tool(tool, row ids)` gives for it."""
    wanted: dict[str, list[str]] = {}
    for tool, row in filter(None, rows):
        wanted.setdefault(tool, []).append(row)
    found = {tool: of_tool(tool, ids) for tool, ids in wanted.items()}
    return tuple(found[at[0]].get(at[1]) if at else None for at in rows)
