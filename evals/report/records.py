"""The records of a run as columns for the page's script, and their details in blocks that are read when they are needed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agent.report.markup import Html, join, json_block
from agent.report.words import ending, place_name
from evals.record import Truth
from evals.report.case import CaseOf
from evals.report.detail import detail, short
from evals.report.thumbnails import BUDGET_BYTES, fitted
from evals.row import LEVELS, Guess, Row, Verdicts

CHUNK = 40
"""Records in one block of details or thumbnails."""
DETAIL_BYTES = 6_000_000
"""Of all details together, beliefs apart."""
MOST_DETAILED = 3000
"""Of more records, an even choice has pictures and details; all of them are listed."""
_DETAIL_LEAST, _DETAIL_MOST = 2_500, 60_000
_MOST_CHOICES = 60
"""A column with more values than this is found by its text alone."""


def truth_name(truth: Truth) -> str:
    """`Porto, Portugal`; as the benchmark writes it, or the coordinates, where the gazetteer knows no more."""
    from geo.gazetteer import gazetteer

    country = gazetteer().countries.get(truth.country or "")
    name = country.name if country else str(truth.names.get("country") or truth.country or "")
    parts = {
        "city": truth.city or truth.names.get("city"),
        "region": truth.region or truth.names.get("region"),
        "country_name": name,
    }
    if any(parts.values()):
        return place_name(parts)[0]
    return f"{truth.lat:.3f}, {truth.lon:.3f}" if truth.lat is not None and truth.lon is not None else "unknown"


def columns_of(rows: Sequence[Row]) -> dict[str, Any]:
    """The first system's records by columns: what the list, the filters and the map need."""
    return {
        "id": [short(row.id, 200) for row in rows],
        "truth": [[_degrees(row.truth.lat), _degrees(row.truth.lon), short(truth_name(row.truth), 120)] for row in rows],
        "answer": [_answer(row.answer) for row in rows],
        "km": [_km(row) for row in rows],
        "levels": [_marks(row.levels) for row in rows],
        "published": {name: [_marks(row.published.get(name) or {}) for row in rows] for name in ("final", "original")},
        "judged": [_marks(row.judged or {}) for row in rows] if any(row.judged for row in rows) else None,
        "bits": [_rounded(row.bits_prior, 2) for row in rows],
        "facets": _facets(rows),
        "chunk": CHUNK,
    }


def others(rows: Sequence[Row], systems: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """The distances of the other systems to the same records, for the panel."""
    found = {}
    for name, theirs in systems.items():
        by_id = {row.id: row for row in theirs}
        found[short(name, 120)] = [_km(by_id[row.id]) if row.id in by_id else None for row in rows]
    return found


def _km(row: Row) -> float | None:
    return None if row.distance_km is None or not math.isfinite(row.distance_km) else round(row.distance_km, 2)


def _degrees(value: float | None) -> float | None:
    return _rounded(value, 4)


def _rounded(value: float | None, digits: int) -> float | None:
    return round(value, digits) if value is not None and math.isfinite(value) else None


def _answer(answer: Guess | None) -> list[Any] | None:
    if answer is None:
        return None
    return [
        _degrees(answer.lat), _degrees(answer.lon), short(answer.label, 120), _rounded(answer.probability, 4),
        _rounded(answer.radius50_km, 1), _rounded(answer.radius90_km, 1),
    ]  # fmt: skip


def _marks(verdicts: Verdicts) -> str:
    """A sign for each level: `1` right, `0` wrong, `-` no verdict."""
    return "".join({True: "1", False: "0"}.get(verdicts.get(level), "-") for level in LEVELS)  # type: ignore[arg-type]


def _facets(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What can be chosen in the filters: kind, the columns, and how the run ended."""
    names = dict.fromkeys(name for row in rows for name in row.columns)
    values: list[tuple[str, str, list[str | None]]] = [("kind", "Kind", [row.kind for row in rows])]
    values += [(f"column:{name}", str(name), [row.columns.get(name) for row in rows]) for name in names]
    values += [("stop", "Ended", [ending(row.stop) if row.stop != "not_run" else "not run" for row in rows])]
    return [_facet(*each) for each in values]


def _facet(key: str, title: str, values: Sequence[str | None]) -> dict[str, Any]:
    count = Counter(short(value, 80) for value in values if value is not None)
    known = [value for value, _ in sorted(count.items(), key=lambda item: (-item[1], item[0]))]
    place = {value: index for index, value in enumerate(known)}
    index = [place[short(value, 80)] if value is not None else -1 for value in values]
    title = short(title[:1].upper() + title[1:], 40)
    return {"key": key, "title": title, "values": known, "index": index, "offered": 2 <= len(known) <= _MOST_CHOICES}


def shown_beliefs(rows: Sequence[Row], each: int) -> set[str]:
    """Ids of the `each` best records and as many bad ones: the farthest, the most confident wrong and the most bits lost in turns."""
    placed = [row for row in rows if row.distance_km is not None]
    best = sorted(placed, key=lambda row: row.distance_km or 0.0)[:each]
    bad = [
        sorted(placed, key=lambda row: -(row.distance_km or 0.0)),
        sorted(
            (r for r in placed if (r.distance_km or 0.0) >= 200.0), key=lambda r: -((r.answer and r.answer.probability) or 0.0)
        ),
        sorted((row for row in rows if row.bits_prior is not None), key=lambda row: row.bits_prior or 0.0),
    ]
    worst: dict[str, None] = {}
    for rank in range(len(rows)):
        for order in bad:
            if rank < len(order) and len(worst) < each:
                worst[order[rank].id] = None
    return {row.id for row in best} | set(worst)


def _detailed(rows: Sequence[Row], beliefs: set[str], most: int) -> set[str]:
    """Ids of the records that get pictures and details."""
    return {rows[int(i)].id for i in np.linspace(0, len(rows) - 1, min(most, len(rows)))} | beliefs


def detail_blocks(
    rows: Sequence[Row], case: CaseOf, beliefs: set[str], prefix: str = "", parts: int = 1
) -> tuple[Html, dict[str, int]]:
    """Blocks `{prefix}details-0`, … and `{prefix}thumbs-0`, …, and counts of what is in them and what was cut.

    `parts` is among how many such sets of blocks the page's budget is shared.
    """
    most = min(_DETAIL_MOST, max(_DETAIL_LEAST, DETAIL_BYTES // parts // max(1, len(rows))))
    chosen = _detailed(rows, beliefs, MOST_DETAILED // parts)
    pictures: list[bytes | None] = []
    details: list[dict[str, Any] | None] = []
    for row in rows:
        found = case(row.id) if row.id in chosen else None
        pictures.append(found.thumbnail if found else None)
        details.append(detail(row, found, row.id in beliefs, most) if found else None)
    thumbs, coarser = fitted(pictures, BUDGET_BYTES // parts)
    made = [item for item in details if item is not None]
    counts = {
        "beliefs": sum(item.get("belief") is not None for item in made),
        "shortened": sum(bool(item["cut"]) for item in made),
        "coarser": coarser,
        "bare": len(rows) - len(made),
    }
    blocks = [
        json_block(f"{prefix}{name}-{start // CHUNK}", items[start : start + CHUNK])
        for name, items in (("details", details), ("thumbs", thumbs))
        for start in range(0, len(rows), CHUNK)
    ]
    return join(blocks), counts
